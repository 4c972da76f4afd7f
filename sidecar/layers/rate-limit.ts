import type { RateLimit } from '../../api/proxy-config.ts';
import type { Exchange, HttpLayer } from '../http1/exchange.ts';
import type { ExtraField } from '../http1/mesh-answer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Timers } from '../transport/timers.ts';
import { type Caller, sourceOf } from './caller.ts';
import { Gcra } from './gcra.ts';
import { rateLimitFields } from './rate-limit-fields.ts';
import { overflowEntry, RateLimitKeys, rateLimitKey } from './rate-limit-keys.ts';

/** Of requests without the header; no value has a line feed in it. */
const ABSENT = '\nabsent';

/** One limit with all it has counted. It outlives configurations that leave it as it is. */
export class RateLimiter {
  readonly limit: RateLimit;
  readonly #gcra: Gcra;
  readonly #keys: RateLimitKeys;
  readonly #seed: number;
  // of the request being looked at
  #now = 0;
  #tat = 0;

  constructor(limit: RateLimit, seed: number, maxKeys?: number) {
    this.limit = limit;
    this.#gcra = new Gcra(limit.requests, limit.perMs, limit.burst);
    this.#keys = new RateLimitKeys(maxKeys);
    this.#seed = seed;
  }

  get keys(): number {
    return this.#keys.size;
  }

  /** Where keys of this caller are counted when they have no place of their own. */
  sender(caller: Caller): number {
    return overflowEntry(sourceOf(caller), caller.spiffeId !== undefined, this.#seed);
  }

  /** How long until the request would be let in, in milliseconds; 0: now. Consumes nothing. */
  look(key: string, sender: number, nowMs: number): number {
    this.#now = this.#gcra.units(nowMs);
    this.#tat = this.#keys.look(key, sender, this.#now);
    const early = this.#gcra.early(this.#tat, this.#now);
    return early > 0 ? this.#gcra.milliseconds(early) : 0;
  }

  /** The request that was looked at last is let in. */
  take(): void {
    this.#keys.take(this.#gcra.next(this.#tat, this.#now));
  }
}

export interface RateLimitOptions {
  readonly limiters: readonly RateLimiter[];
  readonly caller: Caller;
  readonly telemetry: Telemetry;
  readonly timers: Timers;
}

/** All limits hold: a request over any of them gets 429, and uses up nothing of the others. */
export function rateLimit(options: RateLimitOptions): HttpLayer {
  const { timers } = options;
  const limits = options.limiters.map((limiter) => new CallerLimit(limiter, options.caller));
  return (next) => (exchange) => {
    const nowMs = timers.nowMs();
    let refused = false;
    for (const limit of limits) if (limit.look(exchange.head, nowMs) > 0) refused = true;
    if (refused) return refuse(exchange, limits, options.telemetry);
    for (const limit of limits) limit.limiter.take();
    next(exchange);
  };
}

/** One limit as it holds for the requests of one connection. */
class CallerLimit {
  readonly limiter: RateLimiter;
  readonly #type: RateLimit['key']['type'];
  readonly #header: string;
  readonly #source: string;
  readonly #sender: number;
  /** of the request looked at last */
  waitMs = 0;

  constructor(limiter: RateLimiter, caller: Caller) {
    const { key } = limiter.limit;
    this.limiter = limiter;
    this.#type = key.type;
    this.#header = key.header ?? '';
    this.#source = rateLimitKey(sourceOf(caller));
    this.#sender = limiter.sender(caller);
  }

  look(head: RequestHead, nowMs: number): number {
    this.waitMs = this.limiter.look(this.#key(head), this.#sender, nowMs);
    return this.waitMs;
  }

  #key(head: RequestHead): string {
    switch (this.#type) {
      case 'Source':
        return this.#source;
      case 'Global':
        return '';
      case 'Path':
        // `*` and CONNECT have none
        return rateLimitKey(head.path ?? head.target);
      case 'Header': {
        const value = head.header(this.#header);
        return value === undefined ? ABSENT : rateLimitKey(value);
      }
    }
  }
}

/** The limit that lets in last is the one that is named. */
function refuse(exchange: Exchange, limits: readonly CallerLimit[], telemetry: Telemetry): void {
  let longest = limits[0]!;
  for (const limit of limits) if (limit.waitMs > longest.waitMs) longest = limit;
  const { policy, name } = longest.limiter.limit;
  exchange.trail.limitPolicy = policy;
  exchange.trail.limit = name;
  telemetry.rateLimited(policy, name);
  exchange.answer('rate-limited', '', fieldsOf(limits));
}

function fieldsOf(limits: readonly CallerLimit[]): ExtraField[] {
  return rateLimitFields(limits.map(({ limiter: { limit }, waitMs }) => ({ limit, waitMs })));
}

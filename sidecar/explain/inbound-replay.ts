import type { Issuer, ProxyConfig } from '../../api/proxy-config.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { normalizePath } from '../http1/normal-form.ts';
import type { PortPolicies } from '../inbound/port-policy.ts';
import type { Decision } from '../layers/authorization.ts';
import { candidatePorts } from './candidate-ports.ts';
import { type Difference, type Judgement, nameOfRule } from './judgement.ts';
import { atLimits, limitsOfPort } from './limit-replay.ts';
import { portOf, recordedCaller, recordedRequest } from './recorded-request.ts';
import { enclose, ruleKey } from './unrecorded-rules.ts';

type After = Omit<Difference, 'from'>;

/** What a candidate says to requests that came in. Compiled for itself alone: what is in force does not see it. */
export class InboundReplay {
  readonly #candidate: ProxyConfig;
  readonly #current: ProxyConfig | undefined;
  readonly #mostOpen: PortPolicies;
  readonly #mostClosed: PortPolicies;
  readonly #asks: ReadonlyMap<string, string>;

  /** Throws when the candidate cannot be enforced. */
  constructor(candidate: ProxyConfig, current: ProxyConfig | undefined) {
    this.#candidate = candidate;
    this.#current = current;
    const { mostOpen, mostClosed, asks } = enclose(candidate);
    this.#mostOpen = candidatePorts(mostOpen);
    this.#mostClosed = candidatePorts(mostClosed);
    this.#asks = asks;
  }

  /** Records in the order in which they began. */
  judge(record: TrailRecord): Judgement {
    const before = whatHappened(record);
    if (before === undefined) return undefined;
    const port = portOf(record.at);
    const after = this.#after(record, port, before.kind);
    return after === undefined || after.kind === before.kind ? 'unchanged' : { ...after, from: before.words };
  }

  /** Undefined: as before. */
  #after(record: TrailRecord, port: number, before: Before['kind']): After | undefined {
    const { mtls, authorizer, rateLimiters } = this.#mostOpen(port);
    if (mtls === 'Strict' && !record.encrypted)
      return { kind: 'denied', to: 'plaintext, and mTLS is Strict' };
    if (before === 'unauthenticated') return this.#token(port);
    if (record.pathIsCut && authorizer.looksAtPaths) {
      return { kind: 'unknown', to: 'its path is longer than what is kept of it, and rules look at paths' };
    }
    const caller = recordedCaller(record);
    const { method, path } = record;
    if (authorizer.looksAtPaths && path !== undefined && normalizePath(path).ambiguous) {
      return { kind: 'denied', to: '400: servers read its path in different ways, and rules look at paths' };
    }
    const open = authorizer.decide({ caller, method, path, request: recordedRequest(record, GRPC) });
    if (!open.allowed) return { kind: 'denied', to: words(open) };
    const request = recordedRequest(record, undefined);
    const closed = this.#mostClosed(port).authorizer.decide({ caller, method, path, request });
    if (!closed.allowed) return { kind: 'unknown', to: this.#why(open, closed) };
    if (this.#hasSameLimits(port)) {
      return before === 'limited' ? undefined : { kind: 'allowed', to: words(closed) };
    }
    const limited = atLimits(rateLimiters ?? [], record, caller, record.endedMs - record.durationMs);
    if (limited.type === 'in') return { kind: 'allowed', to: words(closed) };
    const name = `${limited.limit.name} of ${limited.limit.policy}`;
    if (limited.type === 'over') return { kind: 'limited', to: `over limit ${name}` };
    return { kind: 'unknown', to: `limit ${name} counts by a header, and headers are not kept` };
  }

  /** The token was false for who is trusted now; it is not kept. */
  #token(port: number): After | undefined {
    const same = this.#isSame((config) => issuersOfPort(config, port));
    return same ? undefined : { kind: 'unknown', to: 'the issuers change, and tokens are not kept' };
  }

  #hasSameLimits(port: number): boolean {
    return this.#isSame((config) => limitsOfPort(config, port));
  }

  #isSame(part: (config: ProxyConfig) => unknown): boolean {
    if (this.#current === undefined) return false;
    return JSON.stringify(part(this.#current)) === JSON.stringify(part(this.#candidate));
  }

  #why(open: Decision, closed: Decision): string {
    const [rule, does] = closed.rule === 'default' ? [open, 'allows'] : [closed, 'denies'];
    const asked = this.#asks.get(ruleKey({ policy: rule.policy, name: rule.rule })) ?? 'something';
    return `${nameOfRule(rule.policy, rule.rule)} ${does} by ${asked}, which is not kept`;
  }
}

interface Before {
  readonly kind: 'allowed' | 'denied' | 'limited' | 'unauthenticated';
  readonly words: string;
}

const GRPC = 'application/grpc';

/** Undefined: it ended before any policy had a say. */
function whatHappened({ code, verdict, policy, rule, limit, limitPolicy }: TrailRecord): Before | undefined {
  if (code === 'rate-limited' && limit !== '') {
    return { kind: 'limited', words: `over limit ${limit} of ${limitPolicy}` };
  }
  if (code === 'unauthenticated') return { kind: 'unauthenticated', words: 'its token was refused' };
  if (verdict === '') return undefined;
  return {
    kind: verdict === 'denied' ? 'denied' : 'allowed',
    words: words({ allowed: verdict !== 'denied', policy, rule }),
  };
}

function words({ allowed, policy, rule }: Decision): string {
  if (rule !== 'default') return `${allowed ? 'allowed' : 'denied'} by ${nameOfRule(policy, rule)}`;
  return allowed
    ? `allowed: ${nameOfRule(policy, rule)} denies it`
    : `denied: ${nameOfRule(policy, rule)} allows it`;
}

/** Keys that are fetched are not part of what a policy says. */
function issuersOfPort({ inbound }: ProxyConfig, port: number): unknown {
  const entry = inbound.ports.find((each) => each.port === port) ?? inbound.ports.find((each) => !each.port);
  return entry?.issuers?.map((place) => withoutFetched(inbound.issuers![place]!));
}

export function withoutFetched({ keys, ...issuer }: Issuer): unknown {
  return issuer.jwksUri === undefined ? { ...issuer, keys } : issuer;
}

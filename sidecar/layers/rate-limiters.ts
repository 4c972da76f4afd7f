import type { ProxyConfig, RateLimit } from '../../api/proxy-config.ts';
import { RateLimiter } from './rate-limit.ts';

/** The limits of one configuration, by their place in its list. */
export class RateLimiters {
  readonly #all: readonly RateLimiter[];
  readonly #byIdentity: ReadonlyMap<string, RateLimiter>;

  /**
   * Limits that are in `previous` just so go on with what they have counted: no change of another policy, and no
   * policy that comes and goes, refills anybody's bucket. Changes nothing in `previous`. Throws on a limit by
   * header that names none.
   */
  constructor(config: ProxyConfig, previous: RateLimiters | undefined, seed: number) {
    const before = previous === undefined ? undefined : previous.#byIdentity;
    const byIdentity = new Map<string, RateLimiter>();
    this.#all = (config.inbound.rateLimits ?? []).map((limit) => {
      if (limit.key.type === 'Header' && !limit.key.header) {
        throw new Error(`rate limit ${limit.name} of ${limit.policy}: key type Header needs a header`);
      }
      const identity = identityOf(limit);
      const known = byIdentity.get(identity) ?? before?.get(identity);
      const limiter = known ?? new RateLimiter(limit, seed);
      byIdentity.set(identity, limiter);
      return limiter;
    });
    this.#byIdentity = byIdentity;
  }

  /** Undefined: none hold. Throws on a place that is not in the list. */
  of(places: readonly number[] | undefined): readonly RateLimiter[] | undefined {
    if (places === undefined || places.length === 0) return undefined;
    const limiters = places.map((place) => {
      const limiter = this.#all[place];
      if (limiter === undefined) throw new Error(`inbound.rateLimits has no ${place}`);
      return limiter;
    });
    // a limit that is there twice is one limit
    return [...new Set(limiters)];
  }
}

function identityOf({ policy, name, requests, perMs, burst, key }: RateLimit): string {
  return JSON.stringify([policy, name, requests, perMs, burst, key.type, key.header]);
}

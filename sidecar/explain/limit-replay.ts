import type { ProxyConfig, RateLimit } from '../../api/proxy-config.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { type Caller, sourceOf } from '../layers/caller.ts';
import type { RateLimiter } from '../layers/rate-limit.ts';
import { rateLimitKey } from '../layers/rate-limit-keys.ts';

/** The limits that hold for a port. */
export function limitsOfPort({ inbound }: ProxyConfig, port: number): readonly RateLimit[] {
  const fallback = inbound.ports.find((entry) => entry.port === undefined);
  const entry = inbound.ports.find((each) => each.port === port) ?? fallback;
  return (entry?.rateLimits ?? []).map((place) => inbound.rateLimits![place]!);
}

export type Limited =
  | { readonly type: 'in' }
  | { readonly type: 'over' | 'perhaps'; readonly limit: RateLimit };
const IN: Limited = { type: 'in' };

/**
 * A recorded request at fresh limiters, in the order of time; all are looked at before any is taken from. Values of
 * headers are not kept, so of a limit by header only the worst is known: everybody sends the same value, and what
 * is refused counts too. What conforms then conforms with any values.
 */
export function atLimits(
  limiters: readonly RateLimiter[],
  record: TrailRecord,
  caller: Caller,
  nowMs: number,
): Limited {
  let verdict: Limited = IN;
  let longestMs = 0;
  for (const limiter of limiters) {
    const waitMs = limiter.look(keyOf(limiter.limit, record, caller), limiter.sender(caller), nowMs);
    const isByHeader = limiter.limit.key.type === 'Header';
    if (isByHeader) limiter.take();
    if (waitMs <= 0) continue;
    if (isByHeader) verdict = verdict.type === 'in' ? { type: 'perhaps', limit: limiter.limit } : verdict;
    else if (waitMs > longestMs) {
      longestMs = waitMs;
      verdict = { type: 'over', limit: limiter.limit };
    }
  }
  if (verdict.type !== 'over') for (const limiter of limiters) takeFrom(limiter);
  return verdict;
}

function takeFrom(limiter: RateLimiter): void {
  if (limiter.limit.key.type !== 'Header') limiter.take();
}

function keyOf({ key }: RateLimit, record: TrailRecord, caller: Caller): string {
  if (key.type === 'Source') return rateLimitKey(sourceOf(caller));
  if (key.type === 'Path') return rateLimitKey(record.path ?? record.host);
  return '';
}

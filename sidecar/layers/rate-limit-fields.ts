import type { RateLimit } from '../../api/proxy-config.ts';
import type { ExtraField } from '../http1/mesh-answer.ts';

/** A limit, and how long a refused request has to wait for it; 0: it would have let the request in. */
export interface LimitState {
  readonly limit: RateLimit;
  readonly waitMs: number;
}

/**
 * What a 429 says: Retry-After (RFC 9110 10.2.3), the limits that hold in RateLimit-Policy and those that refused
 * in RateLimit (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4; both are Structured Fields, RFC 9651).
 * Seconds are rounded up, so that who waits so long is not early.
 */
export function rateLimitFields(states: readonly LimitState[]): ExtraField[] {
  const refused = states.filter(({ waitMs }) => waitMs > 0);
  const longest = Math.max(...refused.map(({ waitMs }) => waitMs));
  const limits = refused.map(({ limit, waitMs }) => `${quoted(limit.name)};r=0;t=${seconds(waitMs)}`);
  return [
    ['Retry-After', `${seconds(longest)}`],
    ['RateLimit-Policy', states.map(({ limit }) => policyItem(limit)).join(', ')],
    ['RateLimit', limits.join(', ')],
  ];
}

/** The window is whole seconds, so a period that is not gets the quota of the next whole second. */
function policyItem({ name, requests, perMs, burst }: RateLimit): string {
  const windowSeconds = seconds(perMs);
  const quota = Math.floor((requests * windowSeconds * 1_000) / perMs);
  const item = `${quoted(name)};q=${quota};w=${windowSeconds}`;
  return burst === 0 ? item : `${item};weft-burst=${burst}`;
}

function seconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1_000);
}

/** A String of RFC 9651 3.3.3: printable ASCII. */
function quoted(name: string): string {
  return `"${name.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`;
}

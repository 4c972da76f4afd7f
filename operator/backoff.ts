/**
 * Exponential backoff with full jitter: a random delay between zero and the exponential bound, so that many
 * clients that failed together do not come back together.
 * Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
 */
export interface BackoffLimits {
  readonly baseMs: number;
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: BackoffLimits = { baseMs: 200, maxMs: 30_000 };

/**
 * @param failures how many attempts failed in a row, from 1
 * @param random uniform in [0, 1)
 */
export function backoffMs(failures: number, limits: BackoffLimits, random: () => number): number {
  const exponent = Math.min(Math.max(failures - 1, 0), 30);
  return random() * Math.min(limits.maxMs, limits.baseMs * 2 ** exponent);
}

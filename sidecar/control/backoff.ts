const LEAST_CEILING_MS = 1_000;

/**
 * Exponential backoff with full jitter: a random share of base · 2ⁿ, so that a thousand sidecars that lost the
 * same control plane do not come back in the same instant. And no more than half of the time it has been away (from a
 * second on), so that a short absence is not made twice as long.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export class Backoff {
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempts = 0;
  /** of the first since the last reset, as far as the clock has not gone back since */
  #sinceMs = 0;

  constructor(options: { baseMs: number; maxMs: number; random: () => number }) {
    this.#baseMs = options.baseMs;
    this.#maxMs = options.maxMs;
    this.#random = options.random;
  }

  /** @param nowMs of a clock that may be set back */
  nextMs(nowMs: number): number {
    if (this.#attempts === 0 || nowMs < this.#sinceMs) this.#sinceMs = nowMs;
    const grownMs = this.#baseMs * 2 ** Math.min(this.#attempts, 30);
    const awayMs = Math.max(LEAST_CEILING_MS, (nowMs - this.#sinceMs) / 2);
    this.#attempts += 1;
    return this.#random() * Math.min(this.#maxMs, grownMs, awayMs);
  }

  reset(): void {
    this.#attempts = 0;
  }
}

/** A wall clock that was set, or drifted by so much, is believed anew. */
const MAX_APART_MS = 5;

/**
 * When something happened whose time is known on the monotonic clock: finer than the wall clock's milliseconds,
 * and never far from it.
 */
export class WallClock {
  readonly #wallMs: () => number;
  readonly #monotonicMs: () => number;
  #offsetMs: number;

  constructor(wallMs: () => number, monotonicMs: () => number, offsetMs = wallMs() - monotonicMs()) {
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    this.#offsetMs = offsetMs;
  }

  /** Milliseconds since 1970, with fractions. */
  at(monotonicMs: number): number {
    const offsetMs = this.#wallMs() - this.#monotonicMs();
    if (Math.abs(offsetMs - this.#offsetMs) > MAX_APART_MS) this.#offsetMs = offsetMs;
    return this.#offsetMs + monotonicMs;
  }
}

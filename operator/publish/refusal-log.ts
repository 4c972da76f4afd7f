import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/** Lines per window. */
export const REFUSALS_MAX = 10;
export const REFUSALS_WINDOW_MS = 1_000;

/**
 * Warnings that anybody can cause, without a certificate even: at most ten a second, and then one that says how
 * many were left out, so that the log can neither be filled nor the refusals go unnoticed.
 */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #written = 0;
  #suppressed = 0;
  #cancel: () => void = () => {};

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  warn(data: object, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#windowStartMs >= REFUSALS_WINDOW_MS) this.#begin(nowMs);
    if (this.#written < REFUSALS_MAX) {
      this.#written += 1;
      this.#log.warn(data, message);
      return;
    }
    this.#suppressed += 1;
    if (this.#suppressed > 1) return;
    this.#cancel = this.#clock.after(this.#windowStartMs + REFUSALS_WINDOW_MS - nowMs, () => this.flush());
  }

  /** Says now how many were left out, if any. */
  flush(): void {
    this.#cancel();
    if (this.#suppressed === 0) return;
    this.#log.warn({ suppressed: this.#suppressed }, 'more refusals were not written');
    this.#suppressed = 0;
  }

  #begin(nowMs: number): void {
    this.flush();
    this.#windowStartMs = nowMs;
    this.#written = 0;
  }
}

import type { Clock } from '../clock.ts';

/**
 * Runs at once when it is asked to after a while of quiet, and at most once a window while it is asked again and
 * again: a storm costs its length in windows, and a single change waits for nothing.
 */
export class Window {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #run: () => void;
  #state: 'quiet' | 'ran' | 'asked' = 'quiet';
  #cancel: () => void = () => {};

  /** @param run must not throw: nobody is there to catch it */
  constructor(clock: Clock, windowMs: number, run: () => void) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#run = run;
  }

  ask(): void {
    if (this.#state === 'quiet') this.#open();
    else this.#state = 'asked';
  }

  /** What was asked for and has not run does not run any more. */
  close(): void {
    this.#cancel();
    this.#state = 'asked';
  }

  #open(): void {
    this.#state = 'ran';
    this.#cancel = this.#clock.after(this.#windowMs, () => {
      const isAsked = this.#state === 'asked';
      this.#state = 'quiet';
      if (isAsked) this.#open();
    });
    this.#run();
  }
}

/** Work in steps, each of which is short. What comes back from `yield` says whether the time for all is over. */
export type Steps<T> = Generator<undefined, T, boolean>;

export interface TurnOptions {
  /** monotonic */
  readonly nowMs: () => number;
  /** until the event loop has served what waited */
  readonly pause: () => Promise<unknown>;
}

/** After so long in one turn traffic is served before the next step. */
export const TURN_MS = 5;
/** Of all turns together: less than callers wait for an answer, also where traffic takes half of the time. */
export const BUDGET_MS = 5_000;

/** Does work in short turns of the event loop, which has traffic to serve, and not for long. */
export class Turns {
  readonly #options: TurnOptions;
  #spentMs = 0;

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  async run<T>(steps: Steps<T>): Promise<T> {
    for (;;) {
      const step = this.#turn(steps);
      if (step.done === true) return step.value;
      await this.#options.pause();
    }
  }

  /** The last step of the turn. */
  #turn<T>(steps: Steps<T>): IteratorResult<undefined, T> {
    const { nowMs } = this.#options;
    const beganMs = nowMs();
    for (;;) {
      const step = steps.next(this.#spentMs + nowMs() - beganMs >= BUDGET_MS);
      const turnMs = nowMs() - beganMs;
      if (step.done !== true && turnMs < TURN_MS) continue;
      this.#spentMs += turnMs;
      return step;
    }
  }
}

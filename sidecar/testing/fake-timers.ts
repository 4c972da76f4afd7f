import type { Timer, Timers } from '../transport/timers.ts';

interface Armed {
  dueMs: number;
  readonly expire: () => void;
}

/** Time that only a test moves; what is due fires in order of its time. */
export class FakeTimers implements Timers {
  readonly #armed = new Set<Armed>();
  #nowMs: number;
  /** the largest number of timers armed at the same time */
  mostPending = 0;
  fired = 0;

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs;
  }

  coarseMs(): number {
    return this.nowMs();
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, expire: () => void): Timer {
    const armed = { dueMs: this.#nowMs + Math.max(0, delayMs), expire };
    this.#armed.add(armed);
    this.mostPending = Math.max(this.mostPending, this.#armed.size);
    return { cancel: () => void this.#armed.delete(armed) };
  }

  get pending(): number {
    return this.#armed.size;
  }

  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      if (++this.fired > 1_000_000) throw new Error('timers never come to an end');
      this.#armed.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.expire();
    }
    this.#nowMs = untilMs;
  }

  /** The clock is set to another time; timers keep what they have left. */
  jump(byMs: number): void {
    this.#nowMs += byMs;
    for (const armed of this.#armed) armed.dueMs += byMs;
  }

  #next(untilMs: number): Armed | undefined {
    let next: Armed | undefined;
    for (const armed of this.#armed) {
      if (armed.dueMs <= untilMs && (next === undefined || armed.dueMs < next.dueMs)) next = armed;
    }
    return next;
  }
}

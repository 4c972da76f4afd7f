import type { RequestPool } from '../http1/pool.ts';
import type { DialFailure } from '../transport/dial.ts';
import type { Timers } from '../transport/timers.ts';

/** How often an app is asked before it is believed to stay, and how long between. */
const TIMES = 2;
const PAUSE_MS = 200;

type Told = (failure: DialFailure | undefined) => void;

/**
 * Whether an app that closed connections is still there. One that ends closes what it has not accepted and what was
 * idle, and cannot be connected from then on; some (node) stop listening only a moment after that, so it is asked twice.
 * By connections that carry nothing, one at a time for all who want to know.
 */
export class AppPresence {
  readonly #pool: RequestPool;
  readonly #timers: Timers;
  #waiting = new Set<Told>();
  #isAsking = false;

  constructor(pool: RequestPool, timers: Timers) {
    this.#pool = pool;
    this.#timers = timers;
  }

  /** `told`: why it cannot be connected; undefined: it is there. Returns what ends the waiting. */
  ask(told: Told): () => void {
    this.#waiting.add(told);
    if (!this.#isAsking) {
      this.#isAsking = true;
      this.#connect(1);
    }
    return () => this.#waiting.delete(told);
  }

  #connect(time: number): void {
    this.#pool.connect((result) => {
      // with too many connections as it is nothing is known
      if (!result.ok) return void this.#tell(result.code === 'connect-failure' ? result : undefined);
      // kept, it would be all that an app that serves one connection at a time waits for
      result.connection.destroy();
      if (time === TIMES) return void this.#tell(undefined);
      this.#timers.after(PAUSE_MS, () => this.#connect(time + 1));
    });
  }

  #tell(failure: DialFailure | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    this.#isAsking = false;
    for (const told of waiting) told(failure);
  }
}

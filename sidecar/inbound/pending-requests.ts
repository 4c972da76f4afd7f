import type { PoolBudget } from '../http1/pool.ts';

/**
 * Requests that wait for a connection to one app: while one is made, or comes back. It is also the pool's budget:
 * with a limit, requests may wait for a connection when there are as many as there may be.
 */
export class PendingRequests implements PoolBudget {
  readonly #max: () => number | undefined;
  #waiting = 0;

  /** `max`: as the policy in force says. */
  constructor(max: () => number | undefined) {
    this.#max = max;
  }

  /** Each success needs its one `leave`. */
  tryEnter(): boolean {
    const max = this.#max();
    if (max !== undefined && this.#waiting >= max) return false;
    this.#waiting += 1;
    return true;
  }
  leave(): void {
    this.#waiting -= 1;
  }

  // === what the pool may use; whoever asks it has entered ===

  tryConnect(): boolean {
    return true;
  }
  disconnected(): void {}
  tryWait(): boolean {
    return this.#max() !== undefined;
  }
  waited(): void {}
  /** an app has one address: nobody waits elsewhere */
  isWanted(): boolean {
    return false;
  }
  offer(): boolean {
    return false;
  }
}

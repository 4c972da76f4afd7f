import { type CircuitBreaker, RETRIES } from './circuit-breaker.ts';
import type { RetryBudget } from './retry-budget.ts';

/** The further attempts of one request, under the budget and the breaker that all requests of a destination share. */
export class RetryAllowance {
  readonly #breaker: CircuitBreaker;
  readonly #budget: RetryBudget;
  /** taken so far */
  taken = 0;
  #isRepeated = false;

  constructor(breaker: CircuitBreaker, budget: RetryBudget) {
    this.#breaker = breaker;
    this.#budget = budget;
  }

  /** One more, or false. */
  take(nowMs: number): boolean {
    const isFirst = this.taken === 0;
    if (isFirst && !this.#breaker.tryEnter(RETRIES, nowMs)) return false;
    if (!this.#budget.tryRetry(nowMs)) {
      if (isFirst) this.#breaker.leave(RETRIES);
      return false;
    }
    this.taken += 1;
    return true;
  }

  /** Once, for a connection that was closed under the request; it comes to the endpoint like any other attempt. */
  repeat(nowMs: number): boolean {
    if (this.#isRepeated || !this.#budget.tryRepeat(nowMs)) return false;
    this.#isRepeated = true;
    return true;
  }

  get sentAgain(): number {
    return this.taken + (this.#isRepeated ? 1 : 0);
  }

  /** The request is over. */
  release(): void {
    if (this.taken > 0) this.#breaker.leave(RETRIES);
  }
}

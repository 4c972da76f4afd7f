import type { RetryBudgetPolicy } from '../../api/destination-traffic.ts';

const WINDOW_SECONDS = 10;
const DEFAULT_PERCENT = 20;
const DEFAULT_MIN_PER_SECOND = 10;
/** Whatever the policy: an idle connection that was closed under its request now and then is no storm. */
const REPEATS_PER_SECOND = 1;

/**
 * Retries of one destination are at most a percentage of its requests of the last ten seconds, plus so many a
 * second for destinations that are seldom asked. So retries cannot multiply the load of a destination in
 * trouble. The form and the defaults are Finagle's: https://finagle.github.io/blog/2016/02/08/retry-budgets
 *
 * Seconds are counted in a ring, the sums kept beside it: constant work a request and no allocation.
 */
export class RetryBudget {
  readonly #requests = new Int32Array(WINDOW_SECONDS);
  readonly #retries = new Int32Array(WINDOW_SECONDS);
  #requestsInWindow = 0;
  #retriesInWindow = 0;
  #slot = 0;
  #second = 0;
  #percent = DEFAULT_PERCENT;
  /** of the window, in hundredths of a retry */
  #reserve = 0;
  #repeatReserve = 0;
  #refused = 0;

  constructor(policy: RetryBudgetPolicy | undefined) {
    this.update(policy);
  }

  /** What was counted stays. */
  update(policy: RetryBudgetPolicy | undefined): void {
    this.#percent = policy?.percent ?? DEFAULT_PERCENT;
    this.#reserve = (policy?.minPerSecond ?? DEFAULT_MIN_PER_SECOND) * WINDOW_SECONDS * 100;
    this.#repeatReserve = Math.max(this.#reserve, REPEATS_PER_SECOND * WINDOW_SECONDS * 100);
  }

  /** Once a request, not for its further attempts. `nowMs` is monotonic. */
  onRequest(nowMs: number): void {
    this.#turnTo(nowMs);
    this.#requests[this.#slot]! += 1;
    this.#requestsInWindow += 1;
  }

  /** Whether one more attempt is within the budget; it is spent then. */
  tryRetry(nowMs: number): boolean {
    this.#turnTo(nowMs);
    return this.#spend(this.#reserve);
  }

  /** The same for a request whose idle connection was closed under it, which needs no policy. */
  tryRepeat(nowMs: number): boolean {
    this.#turnTo(nowMs);
    return this.#spend(this.#repeatReserve);
  }

  /** Whether `tryRepeat` would be granted, as of the last request: if not, an idle connection is a risk. */
  get mayRepeat(): boolean {
    return this.#allows(this.#repeatReserve);
  }

  #allows(reserve: number): boolean {
    return (this.#retriesInWindow + 1) * 100 <= this.#requestsInWindow * this.#percent + reserve;
  }

  #spend(reserve: number): boolean {
    if (!this.#allows(reserve)) {
      this.#refused += 1;
      return false;
    }
    this.#retries[this.#slot]! += 1;
    this.#retriesInWindow += 1;
    return true;
  }

  /** retries the budget did not allow, ever */
  get refused(): number {
    return this.#refused;
  }

  /**
   * Empties the slots of the seconds gone by, at most all. A clock that goes back a little is waited for; one
   * that goes back further than the window is believed, with what was counted, or it would stand still here.
   */
  #turnTo(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const elapsed = second - this.#second;
    if (elapsed === 0 || (elapsed < 0 && elapsed > -WINDOW_SECONDS)) return;
    this.#second = second;
    for (let turns = Math.min(elapsed, WINDOW_SECONDS); turns > 0; turns--) this.#turn();
  }

  #turn(): void {
    this.#slot = (this.#slot + 1) % WINDOW_SECONDS;
    this.#requestsInWindow -= this.#requests[this.#slot]!;
    this.#retriesInWindow -= this.#retries[this.#slot]!;
    this.#requests[this.#slot] = 0;
    this.#retries[this.#slot] = 0;
  }
}

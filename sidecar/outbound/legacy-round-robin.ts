/** Chooses among the ready endpoints of one destination. */
export interface Balancer<E> {
  /** Replaces the endpoints; what is known of those that stay is kept. */
  update(endpoints: readonly E[]): void;
  /** The endpoint for the next request, none of `avoid`; undefined: there is no other. */
  pick(avoid?: ReadonlySet<E>): E | undefined;
}

/** One after the other. Starts at a random place, so that many callers do not begin with the same endpoint. */
export class RoundRobin<E> implements Balancer<E> {
  #endpoints: readonly E[] = [];
  #next: number;

  /** `random` in [0, 1). */
  constructor(random: () => number) {
    this.#next = Math.floor(random() * 65536);
  }

  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
  }

  pick(avoid?: ReadonlySet<E>): E | undefined {
    const count = this.#endpoints.length;
    for (let tried = 0; tried < count; tried += 1) {
      const endpoint = this.#endpoints[this.#next % count]!;
      this.#next = (this.#next + 1) % 0x3fffffff;
      if (avoid === undefined || !avoid.has(endpoint)) return endpoint;
    }
    return undefined;
  }
}

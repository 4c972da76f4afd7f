/** Chooses among the ready endpoints of one destination. */
export interface Balancer<E> {
  /** Replaces the endpoints; what is known of those that stay is kept. */
  update(endpoints: readonly E[]): void;
  /** The endpoint for the next request, none of `avoid`; undefined: there is no other. */
  pick(avoid?: ReadonlySet<E>): E | undefined;
}

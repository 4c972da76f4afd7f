import type { Destination, Endpoint } from '../../api/destination.ts';
import type { Balancer } from '../outbound/legacy-round-robin.ts';
import type { DestinationTable } from '../proxy-state.ts';
import { RoundRobin } from './legacy-round-robin.ts';

/** A destination with what callers have learned of it. */
export interface KnownDestination {
  readonly destination: Destination;
  readonly balancer: Balancer<Endpoint>;
}

/** Who spoke first on a destination whose protocol is not declared. */
export type Learned = 'client' | 'server';
const MAX_LEARNED = 1_024;

/** Follows the destination table: a balancer lives as long as its destination is in use. */
export class Destinations {
  readonly #known = new Map<string, { destination: Destination; readonly balancer: Balancer<Endpoint> }>();
  readonly #learned = new Map<string, Learned>();
  readonly #random: () => number;

  constructor(table: DestinationTable, random: () => number) {
    this.#random = random;
    table.onChange((key, destination) => {
      if (destination) this.get(key, destination);
      else this.#known.delete(key);
    });
  }

  /** `destination` is what the table answered for this key just now. */
  get(key: string, destination: Destination): KnownDestination {
    const known = this.#known.get(key);
    if (known?.destination === destination) return known;
    const entry = known ?? { destination, balancer: new RoundRobin<Endpoint>(this.#random) };
    entry.destination = destination;
    entry.balancer.update(destination.endpoints);
    this.#known.set(key, entry);
    return entry;
  }

  learned(key: string): Learned | undefined {
    return this.#learned.get(key);
  }

  learn(key: string, spoke: Learned): void {
    this.#learned.delete(key);
    this.#learned.set(key, spoke);
    if (this.#learned.size > MAX_LEARNED) this.#learned.delete(this.#learned.keys().next().value!);
  }
}

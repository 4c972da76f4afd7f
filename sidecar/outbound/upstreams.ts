import type { Destination } from '../../api/destination.ts';
import type { Context } from '../context.ts';
import type { EndpointConnector } from './endpoint-connector.ts';
import { Upstream } from './upstream.ts';

/** Who spoke first on a destination whose protocol is not declared. */
export type Learned = 'client' | 'server';
const MAX_LEARNED = 1_024;

/** Follows the destination table: an upstream lives as long as its destination is in use. */
export class Upstreams {
  readonly #context: Context;
  readonly #connector: EndpointConnector;
  readonly #known = new Map<string, Upstream>();
  readonly #learned = new Map<string, Learned>();
  #zone: string | undefined;

  constructor(context: Context, connector: EndpointConnector) {
    this.#context = context;
    this.#connector = connector;
    const { destinations } = context.state;
    destinations.keepWhile((key) => this.#known.get(key)?.isInUse === true);
    destinations.onChange((key, destination) => {
      if (destination) this.get(key, destination);
      else this.#forget(key);
    });
  }

  /** Where this sidecar runs; for zone preference. */
  set zone(zone: string | undefined) {
    if (zone === this.#zone) return;
    this.#zone = zone;
    for (const upstream of this.#known.values()) upstream.update(upstream.destination, zone);
  }

  /** `destination` is what the table answered for this key just now. */
  get(key: string, destination: Destination): Upstream {
    const known = this.#known.get(key);
    if (known === undefined) {
      const upstream = new Upstream(this.#context, this.#connector, destination, this.#zone);
      this.#known.set(key, upstream);
      return upstream;
    }
    if (known.destination !== destination) known.update(destination, this.#zone);
    return known;
  }

  list(): Iterable<Upstream> {
    return this.#known.values();
  }

  #forget(key: string): void {
    this.#known.get(key)?.close();
    this.#known.delete(key);
  }

  learned(key: string): Learned | undefined {
    return this.#learned.get(key);
  }

  learn(key: string, spoke: Learned): void {
    if (this.#learned.get(key) === spoke) return;
    this.#learned.delete(key);
    this.#learned.set(key, spoke);
    if (this.#learned.size > MAX_LEARNED) this.#learned.delete(this.#learned.keys().next().value!);
  }
}

import type { Destination } from '../../api/destination.ts';
import type { Context } from '../context.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { RetryBudget } from '../layers/retry-budget.ts';
import { compileRoutes, type RouteTable } from '../layers/route-table.ts';
import { Backend } from './backend.ts';
import type { EndpointConnector } from './endpoint-connector.ts';
import { type RouteSettings, routeSettings } from './route-settings.ts';

/**
 * One destination in use: its routes, and the backends they lead to. It lives as long as the destination is
 * subscribed to; a new version of the destination changes it in place.
 */
export class Upstream {
  readonly #context: Context;
  readonly #connector: EndpointConnector;
  destination: Destination;
  /** the destination's own endpoints */
  readonly own: Backend;
  readonly #byName = new Map<string, Backend>();
  /** by their place in the destination */
  #others: readonly Backend[] = [];
  readonly retryBudget = new RetryBudget(undefined);
  #routes: RouteTable = compileRoutes(undefined);
  #settings: readonly RouteSettings[] = [];

  constructor(
    context: Context,
    connector: EndpointConnector,
    destination: Destination,
    zone: string | undefined,
  ) {
    this.#context = context;
    this.#connector = connector;
    this.destination = destination;
    const { namespace, name } = destination;
    this.own = new Backend(context, connector, `${namespace}/${name}`);
    this.update(destination, zone);
  }

  update(destination: Destination, zone: string | undefined): void {
    const { traffic, endpoints, protocol } = destination;
    this.destination = destination;
    this.retryBudget.update(traffic?.retryBudget);
    this.#routes = compileRoutes(traffic?.routes);
    this.#settings = routeSettings(this.#routes, destination);
    const ownTraffic = { ...traffic, connectMs: traffic?.timeout?.connectMs };
    this.own.update({ endpoints, traffic: ownTraffic, ...(protocol && { protocol }) }, zone);
    this.#others = (destination.backends ?? []).map(({ name, endpoints, traffic = {} }) => {
      const backend = this.#backend(name);
      const declared = isSubset(name, destination) ? protocol : undefined;
      backend.update({ endpoints, traffic, ...(declared && { protocol: declared }) }, zone);
      return backend;
    });
    this.#closeUnused();
  }

  #backend(name: string): Backend {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const backend = new Backend(this.#context, this.#connector, name);
    this.#byName.set(name, backend);
    return backend;
  }

  #closeUnused(): void {
    for (const [name, backend] of this.#byName) {
      if (this.#others.includes(backend)) continue;
      backend.close();
      this.#byName.delete(name);
    }
  }

  /** A request or an opaque connection is on its way there. */
  get isInUse(): boolean {
    return [...this.backends()].some(({ hosts }) => hosts.hosts.some(({ active }) => active > 0));
  }

  /** The destination is not in use any more. */
  close(): void {
    for (const backend of this.backends()) backend.close();
  }

  /** Undefined: no route takes the request. */
  route(head: RequestHead): RouteSettings | undefined {
    const route = this.#routes.find(head);
    return route === undefined ? undefined : this.#settings[route.index];
  }

  /** `index` as routes have it: -1 is the destination's own. */
  backend(index: number): Backend {
    return this.#others[index] ?? this.own;
  }

  *backends(): Iterable<Backend> {
    yield this.own;
    yield* this.#byName.values();
  }
}

/** Whether a backend is some endpoints of the destination's own port, for which holds what is declared of it. */
function isSubset(backend: string, { namespace, name, key }: Destination): boolean {
  const port = key.slice(key.lastIndexOf(':'));
  return backend.startsWith(`${namespace}/${name}${port}{`);
}

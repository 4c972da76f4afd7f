import type { EndpointSlice, Service, Workload } from './model.ts';
import { MultiMap } from './multi-map.ts';
import { SelectorIndex } from './selector-index.ts';
import { Table } from './table.ts';

/** Services and what is behind them. */
export class ServiceIndex {
  readonly #services = new Table<Service>();
  readonly #slices = new Table<EndpointSlice>();
  readonly #byAddress = new MultiMap();
  readonly #byNamespace = new MultiMap();
  readonly #bySelector = new SelectorIndex();
  /** by key of a workload or by address, as slices name them */
  readonly #byEndpoint = new MultiMap();
  readonly #slicesByService = new MultiMap();

  get(key: string): Service | undefined {
    return this.#services.get(key);
  }
  keys(): string[] {
    return this.#services.keys();
  }
  values(): Service[] {
    return this.#services.values();
  }
  of(namespace: string): Service[] {
    return this.#byNamespace.get(namespace).map((key) => this.#services.get(key)!);
  }
  /** Keys, in no order. */
  in(namespace: string): Iterable<string> {
    return this.#byNamespace.each(namespace);
  }
  at(address: string): Service | undefined {
    const [key] = this.#byAddress.get(address);
    return key === undefined ? undefined : this.#services.get(key);
  }
  /** Keys of those that select the workload or list it as an endpoint, in its own namespace; sorted. */
  over({ key, namespace, labels }: Workload): string[] {
    const keys = this.#bySelector.selecting(namespace, labels);
    for (const service of this.#byEndpoint.each(key)) {
      if (this.#services.get(service)?.namespace === namespace) keys.add(service);
    }
    return [...keys].sort();
  }
  /** Keys of those that list this workload or address as an endpoint, whether or not they exist. */
  listing(about: string): Iterable<string> {
    return this.#byEndpoint.each(about);
  }

  slice(key: string): EndpointSlice | undefined {
    return this.#slices.get(key);
  }
  slicesOf(service: string): EndpointSlice[] {
    return this.#slicesByService.get(service).map((key) => this.#slices.get(key)!);
  }
  /** Keys of the workloads that the slices of a Service name, in no order. */
  *listed(service: string): Iterable<string> {
    for (const key of this.#slicesByService.each(service)) {
      for (const { workload } of this.#slices.get(key)!.endpoints) if (workload !== undefined) yield workload;
    }
  }

  /** Returns whether it changed. */
  set(key: string, value: Service | undefined): boolean {
    const before = this.#services.get(key);
    if (!this.#services.set(key, value)) return false;
    for (const address of before?.addresses ?? []) this.#byAddress.delete(address, key);
    for (const address of value?.addresses ?? []) this.#byAddress.add(address, key);
    const { namespace } = (value ?? before)!;
    if (value === undefined) this.#byNamespace.delete(namespace, key);
    else this.#byNamespace.add(namespace, key);
    this.#bySelector.set(key, namespace, value === undefined ? [] : [value.selector]);
    return true;
  }

  /** Returns whether it changed. */
  setSlice(key: string, value: EndpointSlice | undefined): boolean {
    const before = this.#slices.get(key);
    if (!this.#slices.set(key, value)) return false;
    if (before !== undefined) this.#unindexSlice(before);
    if (value !== undefined) {
      this.#slicesByService.add(value.service, key);
      for (const about of endpointsOf(value)) this.#byEndpoint.add(about, value.service);
    }
    return true;
  }
  #unindexSlice(slice: EndpointSlice): void {
    this.#slicesByService.delete(slice.service, slice.key);
    for (const about of endpointsOf(slice)) this.#byEndpoint.delete(about, slice.service);
    // Another slice of the Service may list the same endpoint: slices overlap while they are rebalanced.
    for (const other of this.slicesOf(slice.service)) {
      for (const about of endpointsOf(other)) this.#byEndpoint.add(about, other.service);
    }
  }
}

/** Keys and addresses under which a slice is found again when the workload behind an endpoint changes. */
function endpointsOf(slice: EndpointSlice): string[] {
  return slice.endpoints.flatMap(({ workload, addresses }) =>
    workload === undefined ? [...addresses] : [workload, ...addresses],
  );
}

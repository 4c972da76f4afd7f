import { isDeepStrictEqual } from 'node:util';
import { Dirty } from './dirty.ts';
import type {
  AcceptedRevision,
  Change,
  EndpointSlice,
  MeshSettings,
  Policy,
  Service,
  Workload,
} from './model.ts';
import { MultiMap } from './multi-map.ts';
import { ProxyIds } from './proxy-ids.ts';
import { selects } from './selector.ts';
import { Table } from './table.ts';

/**
 * The whole mesh in memory, indexed by what compilation asks for. Its content, and so everything compiled
 * from it, depends on the objects it holds and never on the order in which they came: every answer is sorted.
 */
export class Mesh {
  readonly settings: MeshSettings;
  readonly #workloads = new Table<Workload>();
  readonly #services = new Table<Service>();
  readonly #slices = new Table<EndpointSlice>();
  readonly #policies = new Table<Policy>(['status']);
  readonly #accepted = new Table<AcceptedRevision>();
  readonly #proxyIds = new ProxyIds();
  readonly #workloadsByAddress = new MultiMap();
  readonly #workloadsByNamespace = new MultiMap();
  readonly #servicesByAddress = new MultiMap();
  readonly #servicesByNamespace = new MultiMap();
  readonly #servicesByEndpoint = new MultiMap();
  readonly #slicesByService = new MultiMap();
  readonly #policiesByNamespace = new MultiMap();

  constructor(settings: MeshSettings) {
    this.settings = settings;
  }

  apply(changes: readonly Change[]): Dirty {
    const dirty = new Dirty();
    for (const change of changes) {
      if (change.kind === 'Workload') this.#applyWorkload(change.key, change.value, dirty);
      else if (change.kind === 'Service') this.#applyService(change.key, change.value, dirty);
      else if (change.kind === 'EndpointSlice') this.#applySlice(change.key, change.value, dirty);
      else if (change.kind === 'Policy') this.#applyPolicy(change.key, change.value, dirty);
      else this.#applyAccepted(change.key, change.value, dirty);
    }
    return dirty;
  }

  workload(key: string): Workload | undefined {
    return this.#workloads.get(key);
  }
  workloads(): Workload[] {
    return this.#workloads.values();
  }
  workloadsOf(namespace: string): Workload[] {
    return this.#workloadsByNamespace.get(namespace).map((key) => this.#workloads.get(key)!);
  }
  /** Meshed: has a proxy id that is its own, and is not finished. Only these get configuration and identity. */
  isMeshed(workload: Workload): boolean {
    const { proxyId } = workload;
    return proxyId !== undefined && !workload.finished && this.#proxyIds.owner(proxyId) === workload.key;
  }
  workloadByProxyId(proxyId: string): Workload | undefined {
    const key = this.#proxyIds.owner(proxyId);
    const workload = key === undefined ? undefined : this.#workloads.get(key);
    return workload === undefined || workload.finished ? undefined : workload;
  }
  /** Workloads that show a proxy id which belongs to another. */
  duplicates(): Workload[] {
    return this.#proxyIds.refused().flatMap((key) => this.#workloads.get(key) ?? []);
  }
  /** More than one: pods of the host's network, or several Workload documents on one machine. */
  workloadsByAddress(address: string): Workload[] {
    const workloads = this.#workloadsByAddress.get(address).map((key) => this.#workloads.get(key)!);
    return workloads.filter((workload) => !workload.finished);
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }
  serviceByAddress(address: string): Service | undefined {
    const [key] = this.#servicesByAddress.get(address);
    return key === undefined ? undefined : this.#services.get(key);
  }
  /** The Services that select the workload or list it as an endpoint, in its own namespace. */
  servicesOver(workload: Workload): Service[] {
    const listing = new Set(this.#servicesByEndpoint.get(workload.key));
    return this.#servicesByNamespace
      .get(workload.namespace)
      .filter((key) => listing.has(key) || selects(this.#services.get(key)!.selector, workload.labels))
      .map((key) => this.#services.get(key)!);
  }
  slicesOf(serviceKey: string): EndpointSlice[] {
    return this.#slicesByService.get(serviceKey).map((key) => this.#slices.get(key)!);
  }

  policy(key: string): Policy | undefined {
    return this.#policies.get(key);
  }
  policies(): Policy[] {
    return this.#policies.values();
  }
  policiesOf(namespace: string): Policy[] {
    return this.#policiesByNamespace.get(namespace).map((key) => this.#policies.get(key)!);
  }
  /** The last accepted spec of this very policy; one of the same name that went does not count. */
  accepted(policy: Policy): AcceptedRevision | undefined {
    const revision = this.#accepted.get(policy.key);
    return revision?.uid === policy.uid ? revision : undefined;
  }

  #applyWorkload(key: string, value: Workload | undefined, dirty: Dirty): void {
    const before = this.#workloads.get(key);
    if (!this.#workloads.set(key, value)) return;
    if (before !== undefined) this.#unindexWorkload(before);
    if (value !== undefined) this.#indexWorkload(value);
    for (const owner of this.#proxyIds.set(before, value)) this.#markWorkload(owner, dirty);
    this.#markWorkload(key, dirty);
    for (const workload of [before, value]) {
      if (workload !== undefined) this.#markAround(workload, dirty);
    }
  }
  #indexWorkload(workload: Workload): void {
    this.#workloadsByNamespace.add(workload.namespace, workload.key);
    for (const address of workload.addresses) this.#workloadsByAddress.add(address, workload.key);
  }
  #unindexWorkload(workload: Workload): void {
    this.#workloadsByNamespace.delete(workload.namespace, workload.key);
    for (const address of workload.addresses) this.#workloadsByAddress.delete(address, workload.key);
  }
  #markWorkload(key: string, dirty: Dirty): void {
    dirty.workloads.add(key);
    const workload = this.#workloads.get(key);
    if (workload !== undefined) this.#markAround(workload, dirty);
  }
  /** Endpoints carry the workload's name and identity, so what leads to it follows it. */
  #markAround(workload: Workload, dirty: Dirty): void {
    for (const address of workload.addresses) {
      dirty.hosts.add(address);
      for (const service of this.#servicesByEndpoint.get(address)) this.#markServiceHosts(service, dirty);
    }
    for (const service of this.#servicesByEndpoint.get(workload.key)) this.#markServiceHosts(service, dirty);
    this.#markPolicies(workload.namespace, dirty);
  }

  #applyService(key: string, value: Service | undefined, dirty: Dirty): void {
    const before = this.#services.get(key);
    if (!this.#services.set(key, value)) return;
    for (const address of before?.addresses ?? []) {
      this.#servicesByAddress.delete(address, key);
      dirty.hosts.add(address);
    }
    if (before !== undefined) this.#servicesByNamespace.delete(before.namespace, key);
    if (value !== undefined) {
      this.#servicesByNamespace.add(value.namespace, key);
      for (const address of value.addresses) this.#servicesByAddress.add(address, key);
    }
    this.#markServiceHosts(key, dirty);
    this.#markNamespace((value ?? before)!.namespace, dirty);
  }
  #markServiceHosts(key: string, dirty: Dirty): void {
    dirty.hosts.add(key);
    for (const address of this.#services.get(key)?.addresses ?? []) dirty.hosts.add(address);
  }

  #applySlice(key: string, value: EndpointSlice | undefined, dirty: Dirty): void {
    const before = this.#slices.get(key);
    if (!this.#slices.set(key, value)) return;
    if (before !== undefined) this.#removeSlice(before, dirty);
    if (value !== undefined) {
      this.#slicesByService.add(value.service, key);
      for (const about of endpointsOf(value)) this.#servicesByEndpoint.add(about, value.service);
      this.#markSlice(value, dirty);
    }
    // Ports of the Service mean other container ports now, for all its pods, listed already or not.
    if (!isDeepStrictEqual(before?.ports, value?.ports)) this.#markNamespace(namespaceOf(key), dirty);
  }
  #removeSlice(slice: EndpointSlice, dirty: Dirty): void {
    this.#slicesByService.delete(slice.service, slice.key);
    this.#markSlice(slice, dirty);
    for (const about of endpointsOf(slice)) this.#servicesByEndpoint.delete(about, slice.service);
    // Another slice of the Service may list the same endpoint: slices overlap while they are rebalanced.
    for (const other of this.slicesOf(slice.service)) {
      for (const about of endpointsOf(other)) this.#servicesByEndpoint.add(about, other.service);
    }
  }
  #markSlice(slice: EndpointSlice, dirty: Dirty): void {
    this.#markServiceHosts(slice.service, dirty);
    for (const endpoint of slice.endpoints) {
      if (endpoint.workload !== undefined) dirty.workloads.add(endpoint.workload);
    }
  }

  #applyPolicy(key: string, value: Policy | undefined, dirty: Dirty): void {
    const before = this.#policies.get(key);
    if (!this.#policies.set(key, value)) return;
    const { namespace } = (value ?? before)!;
    if (value === undefined) this.#policiesByNamespace.delete(namespace, key);
    else this.#policiesByNamespace.add(namespace, key);
    dirty.policies.add(key);
    this.#markNamespace(namespace, dirty);
  }
  #applyAccepted(key: string, value: AcceptedRevision | undefined, dirty: Dirty): void {
    if (!this.#accepted.set(key, value)) return;
    const policy = this.#policies.get(key);
    if (policy === undefined) return;
    dirty.policies.add(key);
    this.#markNamespace(policy.namespace, dirty);
  }

  /** A policy of the control plane's namespace may be about every pod. */
  #markNamespace(namespace: string, dirty: Dirty): void {
    const everywhere = namespace === this.settings.controlPlaneNamespace;
    const workloads = everywhere ? this.#workloads.keys() : this.#workloadsByNamespace.get(namespace);
    for (const key of workloads) dirty.workloads.add(key);
    for (const key of this.#servicesByNamespace.get(namespace)) this.#markServiceHosts(key, dirty);
    this.#markPolicies(namespace, dirty);
  }
  #markPolicies(namespace: string, dirty: Dirty): void {
    for (const about of [namespace, this.settings.controlPlaneNamespace]) {
      for (const key of this.#policiesByNamespace.get(about)) dirty.policies.add(key);
    }
  }
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

/** Keys and addresses under which a slice is found again when the workload behind an endpoint changes. */
function endpointsOf(slice: EndpointSlice): string[] {
  return slice.endpoints.flatMap(({ workload, addresses }) =>
    workload === undefined ? [...addresses] : [workload, ...addresses],
  );
}

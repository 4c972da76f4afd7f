import { isDeepStrictEqual } from 'node:util';
import type { Dirty } from './dirty.ts';
import { Marking } from './marking.ts';
import type {
  AcceptedRevision,
  Change,
  EndpointSlice,
  KeySet,
  MeshSettings,
  Policy,
  ReferenceGrant,
  Service,
  Workload,
} from './model.ts';
import { MultiMap } from './multi-map.ts';
import { PolicyIndex } from './policy-index.ts';
import { ServiceIndex } from './service-index.ts';
import { Table } from './table.ts';
import { WorkloadIndex } from './workload-index.ts';

/**
 * The whole mesh in memory, indexed by what compilation asks for. Its content, and so everything compiled
 * from it, depends on the objects it holds and never on the order in which they came: every answer is sorted.
 */
export class Mesh {
  readonly settings: MeshSettings;
  readonly #workloads = new WorkloadIndex();
  readonly #services = new ServiceIndex();
  readonly #policies: PolicyIndex;
  readonly #keySets = new Table<KeySet>();
  readonly #grants = new Table<ReferenceGrant>();
  readonly #grantsByNamespace = new MultiMap();

  constructor(settings: MeshSettings) {
    this.settings = settings;
    this.#policies = new PolicyIndex(settings.controlPlaneNamespace);
  }

  apply(changes: readonly Change[]): Dirty {
    const mark = new Marking(this.#workloads, this.#services, this.#policies);
    for (const change of changes) {
      if (change.kind === 'Workload') this.#applyWorkload(change.key, change.value, mark);
      else if (change.kind === 'Service') this.#applyService(change.key, change.value, mark);
      else if (change.kind === 'EndpointSlice') this.#applySlice(change.key, change.value, mark);
      else if (change.kind === 'Policy') this.#applyPolicy(change.key, change.value, mark);
      else if (change.kind === 'AcceptedRevision') this.#applyAccepted(change.key, change.value, mark);
      else if (change.kind === 'KeySet') this.#applyKeySet(change.key, change.value, mark);
      else this.#applyGrant(change.key, change.value, mark);
    }
    return mark.finish();
  }

  workload(key: string): Workload | undefined {
    return this.#workloads.get(key);
  }
  workloads(): Workload[] {
    return this.#workloads.values();
  }
  workloadsOf(namespace: string): Workload[] {
    return this.#workloads.of(namespace);
  }
  /** Those that a selector means, in this namespace; finished ones too. */
  workloadsSelected(namespace: string, selector: Readonly<Record<string, string>>): Workload[] {
    const keys = [...this.#workloads.selected(namespace, selector)].sort();
    return keys.map((key) => this.#workloads.get(key)!);
  }
  /** Those that the Service selects or its slices list, in its own namespace; finished ones too. */
  workloadsBehind({ key, namespace, selector }: Service): Workload[] {
    const keys = new Set([...this.#services.listed(key), ...this.#workloads.selected(namespace, selector)]);
    const found = [...keys].sort().flatMap((each) => this.#workloads.get(each) ?? []);
    return found.filter((workload) => workload.namespace === namespace);
  }
  /** Meshed: has a proxy id that is its own, and is not finished. Only these get configuration and identity. */
  isMeshed(workload: Workload): boolean {
    const { proxyId } = workload;
    return (
      proxyId !== undefined && !workload.finished && this.#workloads.proxyIds.owner(proxyId) === workload.key
    );
  }
  workloadByProxyId(proxyId: string): Workload | undefined {
    const key = this.#workloads.proxyIds.owner(proxyId);
    const workload = key === undefined ? undefined : this.#workloads.get(key);
    return workload === undefined || workload.finished ? undefined : workload;
  }
  /** Workloads that show a proxy id which belongs to another. */
  duplicates(): Workload[] {
    return this.#workloads.proxyIds.refused().flatMap((key) => this.#workloads.get(key) ?? []);
  }
  /** More than one: pods of the host's network, or several Workload documents on one machine. */
  workloadsByAddress(address: string): Workload[] {
    return this.#workloads.at(address).filter((workload) => !workload.finished);
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }
  services(): Service[] {
    return this.#services.values();
  }
  servicesOf(namespace: string): Service[] {
    return this.#services.of(namespace);
  }
  serviceByAddress(address: string): Service | undefined {
    return this.#services.at(address);
  }
  /** The Services that select the workload or list it as an endpoint, in its own namespace. */
  servicesOver(workload: Workload): Service[] {
    return this.#services.over(workload).map((key) => this.#services.get(key)!);
  }
  slicesOf(serviceKey: string): EndpointSlice[] {
    return this.#services.slicesOf(serviceKey);
  }

  policy(key: string): Policy | undefined {
    return this.#policies.get(key);
  }
  policies(): Policy[] {
    return this.#policies.values();
  }
  policiesOf(namespace: string): Policy[] {
    return this.#policies.of(namespace);
  }
  /** More than one only while an object of that uid is renamed, which Kubernetes never does. */
  policiesWithUid(uid: string): Policy[] {
    return this.#policies.withUid(uid);
  }
  /** All that may target the workload, by their newest spec or their last accepted one. */
  policiesTargeting(workload: Workload): Policy[] {
    return this.#policies.targeting(workload, this.#services.over(workload));
  }
  /** All whose `traffic` may be about the Service, consumers' views of it included; as above, by either spec. */
  policiesOnTraffic(serviceKey: string): Policy[] {
    return this.#policies.onTraffic(serviceKey);
  }
  /** The last accepted spec of this very policy; one of the same name that went does not count. */
  accepted(policy: Policy): AcceptedRevision | undefined {
    const revision = this.#policies.accepted(policy.key);
    return revision?.uid === policy.uid ? revision : undefined;
  }

  /** Undefined: not fetched yet. @param uri a `jwks.uri`, as the policy writes it */
  keySet(uri: string): KeySet | undefined {
    return this.#keySets.get(uri);
  }
  /** The keys that proxies of a namespace are given. */
  keysIn(namespace: string, uri: string): readonly object[] {
    const { keys = [], handedOut } = this.#keySets.get(uri) ?? {};
    return handedOut === undefined ? keys : (handedOut.get(namespace) ?? []);
  }
  /** Every `jwks.uri` that a policy names, whether accepted or not, sorted: what is to be fetched. */
  keySetUris(): string[] {
    return this.#policies.keySetUris();
  }
  /** Consents to references to Services of this namespace. */
  referenceGrants(namespace: string): ReferenceGrant[] {
    return this.#grantsByNamespace.get(namespace).map((key) => this.#grants.get(key)!);
  }

  #applyWorkload(key: string, value: Workload | undefined, mark: Marking): void {
    const before = this.#workloads.get(key);
    const owners = this.#workloads.set(key, value);
    if (owners === undefined) return;
    for (const owner of owners) mark.workload(owner, this.#workloads.get(owner));
    mark.workload(key, before);
    mark.workload(key, value);
  }

  #applyService(key: string, value: Service | undefined, mark: Marking): void {
    const before = this.#services.get(key);
    if (!this.#services.set(key, value)) return;
    mark.service(key, before);
    mark.service(key, value);
  }

  #applySlice(key: string, value: EndpointSlice | undefined, mark: Marking): void {
    const before = this.#services.slice(key);
    if (!this.#services.setSlice(key, value)) return;
    for (const slice of [before, value]) {
      if (slice === undefined) continue;
      mark.endpoints(slice.service, namedBy(slice));
      // Ports of the Service mean other container ports now, for all its pods, listed already or not.
      if (!isDeepStrictEqual(before?.ports, value?.ports)) {
        mark.service(slice.service, this.#services.get(slice.service));
      }
    }
  }

  #applyPolicy(key: string, value: Policy | undefined, mark: Marking): void {
    const before = this.#policies.subjects(key);
    if (!this.#policies.set(key, value)) return;
    mark.policy(key, before);
    mark.policy(key, this.#policies.subjects(key));
  }
  #applyAccepted(key: string, value: AcceptedRevision | undefined, mark: Marking): void {
    const before = this.#policies.subjects(key);
    if (!this.#policies.setAccepted(key, value) || this.#policies.get(key) === undefined) return;
    mark.policy(key, before);
    mark.policy(key, this.#policies.subjects(key));
  }
  #applyKeySet(uri: string, value: KeySet | undefined, mark: Marking): void {
    if (this.#keySets.set(uri, value)) mark.keySet(uri);
  }
  #applyGrant(key: string, value: ReferenceGrant | undefined, mark: Marking): void {
    const before = this.#grants.get(key);
    if (!this.#grants.set(key, value)) return;
    const { namespace } = (value ?? before)!;
    if (value === undefined) this.#grantsByNamespace.delete(namespace, key);
    else this.#grantsByNamespace.add(namespace, key);
    mark.grant(namespace);
  }
}

function namedBy(slice: EndpointSlice): string[] {
  return slice.endpoints.flatMap(({ workload }) => workload ?? []);
}

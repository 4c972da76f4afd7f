import { Dirty } from './dirty.ts';
import type { Service, Workload } from './model.ts';
import type { PolicyIndex } from './policy-index.ts';
import type { Scope, Subjects } from './policy-subjects.ts';
import type { ServiceIndex } from './service-index.ts';
import type { WorkloadIndex } from './workload-index.ts';

/**
 * What depends on what. Each object is marked as it was and, once the indexes say how it is now, as it is: what
 * either led to may differ.
 */
export class Marking {
  readonly #dirty = new Dirty();
  readonly #workloads: WorkloadIndex;
  readonly #services: ServiceIndex;
  readonly #policies: PolicyIndex;

  constructor(workloads: WorkloadIndex, services: ServiceIndex, policies: PolicyIndex) {
    this.#workloads = workloads;
    this.#services = services;
    this.#policies = policies;
  }

  /** Policies that say something of the same workloads overlap, so the status of one depends on the others. */
  finish(): Dirty {
    for (const key of this.#dirty.workloads) {
      const workload = this.#workloads.get(key);
      if (workload !== undefined) this.#policiesAbout(workload);
    }
    return this.#dirty;
  }

  /** It, what leads to it, and what it sees of others: endpoints carry the workload's name and identity. */
  workload(key: string, workload: Workload | undefined): void {
    this.#dirty.workloads.add(key);
    this.#dirty.consumers.add(key);
    if (workload === undefined) return;
    this.#policiesAbout(workload);
    for (const service of this.#services.over(workload)) this.#endpoints(service);
    for (const about of [key, ...workload.addresses]) {
      for (const service of this.#services.listing(about)) this.#endpoints(service);
    }
    for (const address of workload.addresses) this.#dirty.hosts.add(address);
  }

  /** Its ports say which ports and protocols the workloads behind it have. */
  service(key: string, service: Service | undefined): void {
    this.#destinations(key);
    this.#behind(key, service);
    this.#policiesOn(key);
    for (const policy of this.#policies.targetingService(key)) this.#dirty.policies.add(policy);
    for (const address of service?.addresses ?? []) this.#dirty.hosts.add(address);
  }

  /** Endpoints of a Service came or went. @param workloads keys of those that a slice names */
  endpoints(service: string, workloads: Iterable<string>): void {
    this.#endpoints(service);
    for (const key of workloads) this.#config(key);
    for (const policy of this.#policies.targetingService(service)) this.#dirty.policies.add(policy);
  }

  /** @param about all that its specs, before or now, may be about */
  policy(key: string, about: Iterable<Subjects>): void {
    this.#dirty.policies.add(key);
    const namespace = namespaceOf(key);
    for (const subjects of about) {
      for (const workload of this.#targets(namespace, subjects)) this.#dirty.workloads.add(workload);
      this.#traffic(namespace, subjects);
    }
  }

  keySet(uri: string): void {
    for (const key of this.#policies.withKeySet(uri)) this.policy(key, this.#policies.subjects(key));
  }

  /** Consent to name the Services of a namespace. */
  grant(namespace: string): void {
    for (const key of this.#policies.borrowingFrom(namespace)) {
      this.#dirty.policies.add(key);
      this.#routed(key);
    }
  }

  /** Which of a Service's ports a policy means may depend on the workloads behind it, for all of them. */
  #endpoints(service: string): void {
    this.#destinations(service);
    this.#policiesOn(service);
    const isProtocolOfPorts = this.#policies
      .onTraffic(service)
      .some(({ key }) => this.#policies.subjects(key).some((each) => each.isAboutProtocol && each.hasPorts));
    if (isProtocolOfPorts) this.#behind(service);
  }

  /** The workload's configuration, and as its ports speak, so does its address. */
  #config(key: string): void {
    this.#dirty.workloads.add(key);
    for (const address of this.#workloads.get(key)?.addresses ?? []) this.#dirty.hosts.add(address);
  }

  #behind(key: string, service: Service | undefined = this.#services.get(key)): void {
    for (const workload of this.#services.listed(key)) this.#config(workload);
    if (service === undefined) return;
    for (const workload of this.#workloads.selected(service.namespace, service.selector)) {
      this.#config(workload);
    }
  }

  *#targets(namespace: string, { targets }: Subjects): Iterable<string> {
    if (targets.isEverywhere) yield* this.#workloads.keys();
    if (targets.isNamespace) yield* this.#workloads.in(namespace);
    for (const selector of targets.selectors) yield* this.#workloads.selected(namespace, selector);
    for (const key of targets.services) {
      yield* this.#services.listed(key);
      yield* this.#workloads.selected(namespace, this.#services.get(key)?.selector ?? {});
    }
  }

  #traffic(namespace: string, subjects: Subjects): void {
    for (const service of this.#inScope(namespace, subjects.traffic)) {
      this.#destinations(service);
      if (subjects.isAboutProtocol) this.#behind(service);
      this.#policiesOn(service);
    }
  }

  #inScope(namespace: string, { isEverywhere, isNamespace, services }: Scope): Iterable<string> {
    if (isEverywhere) return this.#services.keys();
    return isNamespace ? this.#services.in(namespace) : services;
  }

  /** The Service as it is called, and the Services whose routes lead to it. */
  #destinations(service: string): void {
    this.#host(service);
    for (const policy of this.#policies.leadingTo(service)) {
      this.#dirty.policies.add(policy);
      this.#routed(policy);
    }
  }
  #routed(policy: string): void {
    for (const { traffic } of this.#policies.subjects(policy)) {
      for (const service of this.#inScope(namespaceOf(policy), traffic)) this.#host(service);
    }
  }
  #host(service: string): void {
    this.#dirty.hosts.add(service);
    for (const address of this.#services.get(service)?.addresses ?? []) this.#dirty.hosts.add(address);
  }

  #policiesOn(service: string): void {
    for (const policy of this.#policies.onTraffic(service)) this.#dirty.policies.add(policy.key);
  }
  #policiesAbout(workload: Workload): void {
    for (const policy of this.#policies.targeting(workload, this.#services.over(workload))) {
      this.#dirty.policies.add(policy.key);
    }
  }
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

import type { AcceptedRevision, Policy, Workload } from './model.ts';
import { MultiMap } from './multi-map.ts';
import { NO_SUBJECTS, type Scope, type Subjects, subjectsOf } from './policy-subjects.ts';
import { SelectorIndex } from './selector-index.ts';
import { Table } from './table.ts';

/**
 * The policies, and which may be about what: by their newest spec and by the last accepted one, because either
 * may be the one in force.
 */
export class PolicyIndex {
  readonly #controlPlaneNamespace: string;
  readonly #policies = new Table<Policy>(['status']);
  readonly #accepted = new Table<AcceptedRevision>();
  readonly #subjects = new Map<string, readonly Subjects[]>();
  readonly #byNamespace = new MultiMap();
  readonly #byUid = new MultiMap();
  readonly #selecting = new SelectorIndex();
  readonly #targeting = new MultiMap();
  readonly #onTraffic = new MultiMap();
  /** key of a Service, and its namespace, that a policy leads to or names from elsewhere */
  readonly #leadingTo = new MultiMap();
  readonly #borrowingFrom = new MultiMap();
  readonly #withKeySet = new MultiMap();

  constructor(controlPlaneNamespace: string) {
    this.#controlPlaneNamespace = controlPlaneNamespace;
  }

  get(key: string): Policy | undefined {
    return this.#policies.get(key);
  }
  values(): Policy[] {
    return this.#policies.values();
  }
  of(namespace: string): Policy[] {
    return this.#all(this.#byNamespace.get(namespace));
  }
  withUid(uid: string): Policy[] {
    return this.#all(this.#byUid.get(uid));
  }
  accepted(key: string): AcceptedRevision | undefined {
    return this.#accepted.get(key);
  }
  /** Of the newest spec and of the last accepted one. */
  subjects(key: string): readonly Subjects[] {
    return this.#subjects.get(key) ?? [];
  }

  /** Those that target the workload, by its labels or with one of these Services over it; sorted by key. */
  targeting({ namespace, labels }: Workload, services: Iterable<string>): Policy[] {
    const keys = this.#selecting.selecting(namespace, labels);
    for (const key of this.#inScopes(this.#targeting, namespace, services)) keys.add(key);
    return this.#all([...keys].sort());
  }
  /** Keys of those whose target is this very Service. */
  targetingService(service: string): Iterable<string> {
    return this.#targeting.each(service);
  }
  /** Those whose `traffic` is about the Service, consumers' views of it included; sorted by key. */
  onTraffic(service: string): Policy[] {
    const keys = this.#inScopes(this.#onTraffic, service.slice(0, service.indexOf('/')), [service]);
    return this.#all([...keys].sort());
  }
  /** Keys of those whose routes lead to the Service. */
  leadingTo(service: string): Iterable<string> {
    return this.#leadingTo.each(service);
  }
  /** Keys of those that name Services of this namespace from another. */
  borrowingFrom(namespace: string): Iterable<string> {
    return this.#borrowingFrom.each(namespace);
  }
  withKeySet(uri: string): Iterable<string> {
    return this.#withKeySet.each(uri);
  }
  keySetUris(): string[] {
    return this.#withKeySet.keys();
  }

  /** Returns whether anything but the status changed. */
  set(key: string, value: Policy | undefined): boolean {
    const before = this.#policies.get(key);
    const changed = this.#policies.set(key, value);
    if (!changed) return false;
    if (before !== undefined) {
      this.#byNamespace.delete(before.namespace, key);
      this.#byUid.delete(before.uid, key);
    }
    if (value !== undefined) {
      this.#byNamespace.add(value.namespace, key);
      this.#byUid.add(value.uid, key);
    }
    this.#reindex(key);
    return true;
  }
  setAccepted(key: string, value: AcceptedRevision | undefined): boolean {
    const changed = this.#accepted.set(key, value);
    if (changed) this.#reindex(key);
    return changed;
  }

  #all(keys: readonly string[]): Policy[] {
    return keys.map((key) => this.#policies.get(key)!);
  }

  #reindex(key: string): void {
    const namespace = key.slice(0, key.indexOf('/'));
    for (const subjects of this.subjects(key)) this.#index(key, namespace, subjects, 'delete');
    const policy = this.#policies.get(key);
    const specs = policy === undefined ? [] : [policy.spec, this.#accepted.get(key)?.spec];
    const isControlPlane = namespace === this.#controlPlaneNamespace;
    const now = specs.flatMap((spec) =>
      spec === undefined ? [] : subjectsOf(namespace, spec, isControlPlane),
    );
    if (now.length === 0) this.#subjects.delete(key);
    else this.#subjects.set(key, now);
    for (const subjects of now) this.#index(key, namespace, subjects, 'add');
    this.#selecting.set(
      key,
      namespace,
      now.flatMap(({ targets }) => targets.selectors),
    );
  }

  #index(key: string, namespace: string, subjects: Subjects, change: 'add' | 'delete'): void {
    if (subjects === NO_SUBJECTS) return;
    for (const name of namesOf(subjects.targets, namespace)) this.#targeting[change](name, key);
    for (const name of namesOf(subjects.traffic, namespace)) this.#onTraffic[change](name, key);
    for (const service of subjects.backends) this.#leadingTo[change](service, key);
    for (const service of [...subjects.backends, ...subjects.traffic.services]) {
      const owner = service.slice(0, service.indexOf('/'));
      if (owner !== namespace) this.#borrowingFrom[change](owner, key);
    }
    for (const uri of subjects.keySets) this.#withKeySet[change](uri, key);
  }

  *#inScopes(index: MultiMap, namespace: string, services: Iterable<string>): Iterable<string> {
    yield* index.each(EVERYWHERE);
    yield* index.each(namespace);
    for (const service of services) yield* index.each(service);
  }
}

/** Namespaces contain no slash and keys of Services one, so they share an index; this is neither. */
const EVERYWHERE = '*';

function namesOf({ isEverywhere, isNamespace, services }: Scope, namespace: string): readonly string[] {
  if (isEverywhere) return [EVERYWHERE];
  return isNamespace ? [namespace] : services;
}

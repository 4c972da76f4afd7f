import type { Workload } from './model.ts';
import { MultiMap } from './multi-map.ts';
import { ProxyIds } from './proxy-ids.ts';
import type { Labels } from './selector.ts';
import { LabelIndex } from './selector-index.ts';
import { Table } from './table.ts';

export class WorkloadIndex {
  readonly proxyIds = new ProxyIds();
  readonly #workloads = new Table<Workload>();
  readonly #byAddress = new MultiMap();
  readonly #byNamespace = new MultiMap();
  readonly #byLabel = new LabelIndex();

  get(key: string): Workload | undefined {
    return this.#workloads.get(key);
  }
  keys(): string[] {
    return this.#workloads.keys();
  }
  values(): Workload[] {
    return this.#workloads.values();
  }
  of(namespace: string): Workload[] {
    return this.#byNamespace.get(namespace).map((key) => this.#workloads.get(key)!);
  }
  at(address: string): Workload[] {
    return this.#byAddress.get(address).map((key) => this.#workloads.get(key)!);
  }
  /** Keys, in no order. */
  in(namespace: string): Iterable<string> {
    return this.#byNamespace.each(namespace);
  }
  selected(namespace: string, selector: Labels): Iterable<string> {
    return this.#byLabel.selected(namespace, selector);
  }

  /** Returns the keys of workloads that got or lost a proxy id; undefined: nothing changed at all. */
  set(key: string, value: Workload | undefined): string[] | undefined {
    const before = this.#workloads.get(key);
    if (!this.#workloads.set(key, value)) return undefined;
    if (before !== undefined) {
      this.#byNamespace.delete(before.namespace, key);
      for (const address of before.addresses) this.#byAddress.delete(address, key);
    }
    if (value !== undefined) {
      this.#byNamespace.add(value.namespace, key);
      for (const address of value.addresses) this.#byAddress.add(address, key);
    }
    this.#byLabel.set(key, (value ?? before)!.namespace, value?.labels);
    return this.proxyIds.set(before, value);
  }
}

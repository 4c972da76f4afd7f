import type { Workload } from './model.ts';
import { MultiMap } from './multi-map.ts';

/**
 * Whose proxy id is it: the oldest living workload that shows it (by creation time, which the API server sets),
 * then the one that has it already, then the smaller uid. Proxy ids are random, so a second workload with the
 * same one copied it; it is refused.
 */
export class ProxyIds {
  readonly #candidates = new Map<string, Workload>();
  readonly #byId = new MultiMap();
  readonly #owners = new Map<string, string>();
  readonly #refused = new Set<string>();

  owner(proxyId: string): string | undefined {
    return this.#owners.get(proxyId);
  }

  /** Keys of workloads that show an id owned by another, sorted. */
  refused(): string[] {
    return [...this.#refused].sort();
  }

  /** Returns the keys of workloads that got or lost an id. */
  set(before: Workload | undefined, value: Workload | undefined): string[] {
    const key = (value ?? before)?.key;
    const ids = new Set<string>();
    if (key !== undefined) {
      this.#candidates.delete(key);
      this.#refused.delete(key);
    }
    if (before?.proxyId !== undefined) {
      this.#byId.delete(before.proxyId, before.key);
      ids.add(before.proxyId);
    }
    if (value?.proxyId !== undefined && !value.finished) {
      this.#candidates.set(value.key, value);
      this.#byId.add(value.proxyId, value.key);
      ids.add(value.proxyId);
    }
    return [...ids].flatMap((id) => this.#settle(id));
  }

  #settle(id: string): string[] {
    const incumbent = this.#owners.get(id);
    const candidates = this.#byId.get(id).map((key) => this.#candidates.get(key)!);
    const owner = candidates.sort(
      (a, b) => byAge(a, b) || byIncumbency(a, b, incumbent) || byText(a.uid, b.uid),
    )[0];
    if (owner === undefined) this.#owners.delete(id);
    else this.#owners.set(id, owner.key);
    for (const { key } of candidates) {
      if (key === owner?.key) this.#refused.delete(key);
      else this.#refused.add(key);
    }
    if (owner?.key === incumbent) return [];
    return [incumbent, owner?.key].filter((key) => key !== undefined);
  }
}

function byAge(a: Workload, b: Workload): number {
  return byText(a.createdAt ?? '9999', b.createdAt ?? '9999');
}
function byIncumbency(a: Workload, b: Workload, incumbent: string | undefined): number {
  return Number(b.key === incumbent) - Number(a.key === incumbent);
}
function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Several values under one key, without duplicates; an empty set is never kept. */
export class MultiMap {
  readonly #sets = new Map<string, Set<string>>();

  add(key: string, value: string): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([value]));
    else set.add(value);
  }

  delete(key: string, value: string): void {
    const set = this.#sets.get(key);
    set?.delete(value);
    if (set?.size === 0) this.#sets.delete(key);
  }

  clear(): void {
    this.#sets.clear();
  }

  /** Sorted by code unit, so that nothing depends on the order of arrival. */
  get(key: string): string[] {
    const set = this.#sets.get(key);
    return set === undefined ? [] : [...set].sort();
  }

  /** In no order that means anything, for those who only mark. */
  each(key: string): Iterable<string> {
    return this.#sets.get(key) ?? NOTHING;
  }
  /** Values under the key. */
  size(key: string): number {
    return this.#sets.get(key)?.size ?? 0;
  }
  /** Sorted by code unit. */
  keys(): string[] {
    return [...this.#sets.keys()].sort();
  }
}

const NOTHING: readonly string[] = [];

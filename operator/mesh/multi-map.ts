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

  /** Sorted by code unit, so that nothing depends on the order of arrival. */
  get(key: string): string[] {
    return [...(this.#sets.get(key) ?? [])].sort();
  }
}

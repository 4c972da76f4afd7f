import { isDeepStrictEqual } from 'node:util';

/** Objects by key. `set` says whether anything changed, because level-based sources repeat themselves. */
export class Table<T extends object> {
  readonly #byKey = new Map<string, T>();
  readonly #ignored: readonly (keyof T)[];

  /** @param ignored members that are carried but whose change is none */
  constructor(ignored: readonly (keyof T)[] = []) {
    this.#ignored = ignored;
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** Sorted by key. */
  keys(): string[] {
    return [...this.#byKey.keys()].sort();
  }

  /** Sorted by key. */
  values(): T[] {
    return this.keys().map((key) => this.#byKey.get(key)!);
  }

  /** Returns whether the object differs from the one before; `undefined` removes. */
  set(key: string, value: T | undefined): boolean {
    const before = this.#byKey.get(key);
    if (value === undefined) return this.#byKey.delete(key);
    this.#byKey.set(key, value);
    return before === undefined || !isDeepStrictEqual(this.#compared(before), this.#compared(value));
  }

  #compared(value: T): Partial<T> {
    if (this.#ignored.length === 0) return value;
    const copy: Partial<T> = { ...value };
    for (const member of this.#ignored) delete copy[member];
    return copy;
  }
}

import type { Item } from './compiled-origin.ts';

/** A list to whose items ports refer by number. Names are unique in a policy, so policy and name are the key. */
export class NumberedList<T extends { readonly policy: string; readonly name: string }> {
  readonly items: T[] = [];
  readonly #numbers = new Map<string, number>();

  numbersOf(items: readonly Item<T>[]): number[] {
    return items.map(({ value }) => this.#numberOf(value));
  }

  #numberOf(value: T): number {
    const key = `${value.policy} ${value.name}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.items.length);
    return this.items.push(value) - 1;
  }
}

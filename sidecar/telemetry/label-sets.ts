import { OTHER, plainValue } from './labels.ts';

export interface LabelSetsOptions<Item> {
  /** Called once for each combination, with the values as they are shown. */
  readonly create: (values: readonly string[]) => Item;
  /** Combinations, the one for the rest not counted. */
  readonly max: number;
  /**
   * The first label is one of a few words that no peer chooses: each of them has its own bound and its own
   * item for the rest, so that callers who fill one direction leave the other alone.
   */
  readonly boundedByFirst?: boolean;
}

class Node<Item> {
  readonly next = new Map<string, Node<Item>>();
  item: Item | undefined = undefined;
}

/**
 * Items by their label values, looked up one value after the other: no key is ever put together. Their number
 * is bounded: what comes after the bound shares one item whose labels are all `other`, so that no peer can make
 * the set grow.
 */
export class LabelSets<Item> {
  readonly #options: LabelSetsOptions<Item>;
  readonly #root = new Node<Item>();
  readonly #items: Item[] = [];
  readonly #sizes = new Map<string, number>();
  /** look-ups that found no room, repeated ones included: to know them apart they would have to be kept */
  overflows = 0;

  constructor(options: LabelSetsOptions<Item>) {
    this.#options = options;
  }

  /** `values` is only read, and only until this returns: the caller may use it again. */
  get(values: readonly string[]): Item {
    return this.#find(values) ?? this.#add(values.map(plainValue));
  }

  /** In the order of creation; may grow meanwhile. */
  get items(): readonly Item[] {
    return this.#items;
  }

  #find(values: readonly string[]): Item | undefined {
    let node: Node<Item> | undefined = this.#root;
    for (let index = 0; index < values.length; index += 1) {
      node = node.next.get(values[index]!);
      if (node === undefined) return undefined;
    }
    return node.item;
  }

  #add(values: readonly string[]): Item {
    const known = this.#find(values);
    if (known !== undefined) return known;
    const { max, boundedByFirst = false } = this.#options;
    const group = boundedByFirst ? values[0]! : '';
    const size = this.#sizes.get(group) ?? 0;
    if (size >= max) {
      this.overflows += 1;
      return this.#overflow(values);
    }
    this.#sizes.set(group, size + 1);
    return this.#insert(values);
  }

  #overflow(values: readonly string[]): Item {
    const kept = this.#options.boundedByFirst ? 1 : 0;
    const others = values.map((value, index) => (index < kept ? value : OTHER));
    return this.#find(others) ?? this.#insert(others);
  }

  #insert(values: readonly string[]): Item {
    let node = this.#root;
    for (const value of values) {
      const next = node.next.get(value) ?? new Node<Item>();
      node.next.set(value, next);
      node = next;
    }
    const item = this.#options.create(values);
    node.item = item;
    this.#items.push(item);
    return item;
  }
}

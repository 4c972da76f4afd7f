import { ENTRY_OVERHEAD_BYTES } from './header-field.ts';
import type { HeaderName } from './header-name.ts';

interface Entry {
  readonly name: HeaderName;
  readonly value: string;
}

interface NameEntries {
  readonly name: HeaderName;
  /** numbers of entries */
  readonly byValue: Map<string, number>;
  newest: number;
}

/**
 * What the peer's decoder keeps of what an encoder sent, as the encoder sees it: found by name and value. Entries
 * are numbered in the order they were added, so that an index follows from the number of the newest.
 */
export class EncoderTable {
  /** by id of the name, which another name may have had before; its entries are not found any more then */
  readonly #byName: (NameEntries | undefined)[] = [];
  readonly #entries: Entry[] = [];
  /** how many of `#entries` were dropped already */
  #head = 0;
  #added = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  #entriesOf(name: HeaderName): NameEntries | undefined {
    const entries = this.#byName[name.id];
    return entries?.name === name ? entries : undefined;
  }

  /** Index in the dynamic table, from 0; -1: not there. */
  find(name: HeaderName, value: string): number {
    const number = this.#entriesOf(name)?.byValue.get(value);
    return number === undefined ? -1 : this.#added - 1 - number;
  }

  /** Of any entry with this name; -1: none. */
  findName(name: HeaderName): number {
    const number = this.#entriesOf(name)?.newest;
    return number === undefined || number < this.#added - this.size ? -1 : this.#added - 1 - number;
  }

  /** Whether it could stay there. */
  fits(name: HeaderName, value: string): boolean {
    return entryBytes(name, value) <= this.#maxBytes;
  }

  /** `name` has an id. */
  add(name: HeaderName, value: string): void {
    const bytes = entryBytes(name, value);
    this.#evictTo(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    this.#entries.push({ name, value });
    const entries = this.#entriesOf(name) ?? { name, byValue: new Map<string, number>(), newest: 0 };
    this.#byName[name.id] = entries;
    entries.byValue.set(value, this.#added);
    entries.newest = this.#added;
    this.#added += 1;
    this.#bytes += bytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evictTo(maxBytes);
  }

  #evictTo(bytes: number): void {
    while (this.size > 0 && this.#bytes > bytes) {
      const { name, value } = this.#entries[this.#head]!;
      const number = this.#added - this.size;
      const byValue = this.#entriesOf(name)?.byValue;
      // the same field may have been added again
      if (byValue?.get(value) === number) byValue.delete(value);
      this.#bytes -= entryBytes(name, value);
      this.#head += 1;
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#head < 64 || this.#head * 2 < this.#entries.length) return;
    this.#entries.splice(0, this.#head);
    this.#head = 0;
  }
}

function entryBytes(name: HeaderName, value: string): number {
  return name.text.length + value.length + ENTRY_OVERHEAD_BYTES;
}

import type { HeaderField } from './header-field.ts';

/** The table a decoder keeps of what its peer sent (RFC 7541 2.3.2): a ring, the newest entry has index 0. */
export class DynamicTable {
  #entries: (HeaderField | undefined)[] = new Array(16).fill(undefined);
  /** where the next entry goes */
  #next = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(index: number): HeaderField | undefined {
    if (index >= this.#count) return undefined;
    return this.#entries[(this.#next - 1 - index) & (this.#entries.length - 1)];
  }

  /** An entry that is larger than the table empties it (4.4). */
  add(field: HeaderField): void {
    this.#evictTo(this.#maxBytes - field.bytes);
    if (field.bytes > this.#maxBytes) return;
    if (this.#count === this.#entries.length) this.#grow();
    this.#entries[this.#next] = field;
    this.#next = (this.#next + 1) & (this.#entries.length - 1);
    this.#count += 1;
    this.#bytes += field.bytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evictTo(maxBytes);
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      const at = (this.#next - this.#count) & (this.#entries.length - 1);
      this.#bytes -= this.#entries[at]!.bytes;
      this.#entries[at] = undefined;
      this.#count -= 1;
    }
  }

  /** Ends at the bytes of the table over the smallest entry: 128 for the usual 4096. */
  #grow(): void {
    const ordered = Array.from({ length: this.#count }, (_, index) => this.get(this.#count - 1 - index));
    this.#next = this.#count;
    this.#entries = [...ordered, ...new Array(this.#count).fill(undefined)];
  }
}

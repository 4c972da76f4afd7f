import { broken, H2_ERROR } from '../error-codes.ts';
import { DynamicTable } from './dynamic-table.ts';
import { HeaderField } from './header-field.ts';
import type { HeaderName } from './header-name.ts';
import { headerName } from './header-names.ts';
import { decodeHuffman } from './huffman-decoder.ts';
import { latin1Text } from './latin1.ts';
import { STATIC, STATIC_SIZE } from './static-table.ts';

const MAX_INTEGER_SHIFT = 21;
/** As blocks are decoded one after another, one place for strings is enough. */
let scratch = Buffer.allocUnsafeSlow(4096);

/**
 * Decodes header blocks of one direction of a connection (RFC 7541). Every block must be decoded, in the order
 * they came, even when its fields are of no interest: the table changes with each. Throws ConnectionError
 * (COMPRESSION_ERROR), after which the connection is of no use.
 */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #maxTableBytes: number;
  #maxListBytes: number;
  #bytes: Buffer = EMPTY;
  #at = 0;
  #end = 0;
  /** Of the last block (RFC 9113 6.5.2): text of names and values and 32 for each field, all of them. */
  listBytes = 0;

  /**
   * `maxTableBytes`: as said in our SETTINGS_HEADER_TABLE_SIZE; `maxListBytes`: fields beyond are not kept, but for
   * Content-Type, by which who refuses the message knows what its answer has to look like.
   */
  constructor(maxTableBytes: number, maxListBytes: number) {
    this.#maxTableBytes = maxTableBytes;
    this.#table = new DynamicTable(maxTableBytes);
    this.#maxListBytes = maxListBytes;
  }

  set maxListBytes(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }
  get tableBytes(): number {
    return this.#table.bytes;
  }
  /** The last block had more than is kept. */
  get isOverflowing(): boolean {
    return this.listBytes > this.#maxListBytes;
  }

  /** A whole block, `start` to `end` of `bytes`. Fills `into` from its beginning; returns how many fields there are. */
  decode(bytes: Buffer, start: number, end: number, into: HeaderField[]): number {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.listBytes = 0;
    let count = 0;
    this.#readTableSizes();
    while (this.#at < end) {
      const field = this.#readField();
      this.listBytes += field.bytes;
      if (this.listBytes <= this.#maxListBytes || field.name.isContentType) into[count++] = field;
    }
    this.#bytes = EMPTY;
    return count;
  }

  /** Only at the beginning of a block, at most two: the smallest since the last one, and the last (4.2). */
  #readTableSizes(): void {
    for (let count = 0; this.#at < this.#end && (this.#bytes[this.#at]! & 0xe0) === 0x20; count += 1) {
      const bytes = this.#integer(0x1f);
      if (bytes > this.#maxTableBytes) refuse('RFC 7541 6.3', 'table larger than allowed');
      if (count === 2) refuse('RFC 7541 4.2', 'too many changes of the table size');
      this.#table.resize(bytes);
    }
  }

  #readField(): HeaderField {
    const first = this.#bytes[this.#at]!;
    if ((first & 0x80) !== 0) return this.#indexed(this.#integer(0x7f));
    if ((first & 0x40) !== 0) {
      const field = this.#literal(0x3f, true, false);
      this.#table.add(field);
      return field;
    }
    if ((first & 0x20) !== 0) refuse('RFC 7541 4.2', 'table size changed within a block');
    return this.#literal(0x0f, false, (first & 0x10) !== 0);
  }

  #indexed(index: number): HeaderField {
    const field = index <= STATIC_SIZE ? STATIC[index] : this.#table.get(index - STATIC_SIZE - 1);
    return field ?? refuse('RFC 7541 2.3.3', 'index beyond the table');
  }

  #literal(mask: number, isIndexed: boolean, isNeverIndexed: boolean): HeaderField {
    const index = this.#integer(mask);
    const name: HeaderName = index === 0 ? headerName(this.#string()) : this.#indexed(index).name;
    return new HeaderField(name, this.#string(), isIndexed, isNeverIndexed);
  }

  /** RFC 7541 5.1, with a prefix of the bits of `mask`. Nothing needs more than 28 bits. */
  #integer(mask: number): number {
    let value = this.#bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= MAX_INTEGER_SHIFT; shift += 7) {
      if (this.#at >= this.#end) refuse('RFC 7541 5.1', 'truncated integer');
      const next = this.#bytes[this.#at++]!;
      value += (next & 0x7f) << shift;
      if ((next & 0x80) === 0) return value;
    }
    return refuse('RFC 7541 5.1', 'integer too large');
  }

  #string(): string {
    if (this.#at >= this.#end) refuse('RFC 7541 5.2', 'truncated string');
    const isHuffman = (this.#bytes[this.#at]! & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) refuse('RFC 7541 5.2', 'truncated string');
    this.#at = end;
    if (length === 0) return '';
    if (!isHuffman) return latin1Text(this.#bytes, start, end);
    const room = Math.ceil((length * 8) / 5);
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room * 2);
    return latin1Text(scratch, 0, decodeHuffman(this.#bytes, start, end, scratch));
  }
}

const EMPTY = Buffer.alloc(0);

function refuse(rule: string, message: string): never {
  return broken(H2_ERROR.compression, rule, message);
}

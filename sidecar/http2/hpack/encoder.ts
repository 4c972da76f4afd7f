import { EncoderTable } from './encoder-table.ts';
import { type HeaderName, INDEXING } from './header-name.ts';
import { markUsed } from './header-names.ts';
import { encodeHuffman, huffmanBytes } from './huffman-encoder.ts';
import { writeInteger } from './integer.ts';
import { writeLatin1 } from './latin1.ts';
import { STATIC_SIZE, staticIndexOf } from './static-table.ts';

/** Larger values are sent anew each time: one of them would push everything else out. */
const MAX_INDEXED_BYTES = 1024;
/** Shorter ones are mostly tokens that can be guessed (as nghttp2 does it). */
const SHORT_COOKIE_LENGTH = 20;
/** Below this a loop costs less than a call into the runtime. */
const SHORT_TEXT_LENGTH = 32;

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const WITHOUT_INDEXING = 0x00;
const NEVER_INDEXED = 0x10;
const TABLE_SIZE = 0x20;

/** A bound of what `write` writes besides the text of name and value. */
export const FIELD_OVERHEAD_BYTES = 16;
/** A bound of what `begin` writes. */
export const BLOCK_OVERHEAD_BYTES = 16;

/**
 * Encodes header blocks for one direction of a connection (RFC 7541). What goes into the table is what the sender
 * before us put into its own, and what comes twice; the rest costs more there than it saves. Only what goes into the
 * table is Huffman-coded: it is sent once, while for the rest, on the way through a cluster, bytes are cheaper than
 * the time both ends take for the code.
 */
export class HpackEncoder {
  readonly #table: EncoderTable;
  readonly #maxTableBytes: number;
  /** changes to announce: the smallest size since the last block; -1: none */
  #smallest = -1;
  #wanted: number;
  /** by id of the name, which may be another's meanwhile: hash of the value that was not in the table the last time */
  readonly #missed: number[] = [];

  /** `maxTableBytes`: at most so much of what the peer offers is used. */
  constructor(maxTableBytes: number) {
    this.#maxTableBytes = maxTableBytes;
    this.#wanted = Math.min(maxTableBytes, INITIAL_TABLE_BYTES);
    this.#table = new EncoderTable(this.#wanted);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. */
  setPeerTableBytes(bytes: number): void {
    const wanted = Math.min(bytes, this.#maxTableBytes);
    if (wanted === this.#wanted) return;
    this.#smallest =
      this.#smallest === -1 ? Math.min(wanted, this.#wanted) : Math.min(wanted, this.#smallest);
    this.#wanted = wanted;
  }

  /** Before the first field of each block; returns where the fields begin. */
  begin(into: Buffer, at: number): number {
    if (this.#smallest === -1) return at;
    let end = at;
    if (this.#smallest < this.#wanted) {
      end = writeInteger(into, end, TABLE_SIZE, 5, this.#smallest);
      this.#table.resize(this.#smallest);
    }
    end = writeInteger(into, end, TABLE_SIZE, 5, this.#wanted);
    this.#table.resize(this.#wanted);
    this.#smallest = -1;
    return end;
  }

  /**
   * Writes one field; returns where it ends. `wasIndexed` and `isSecret`: as it came here. Room for its text and
   * FIELD_OVERHEAD_BYTES is there.
   */
  write(
    into: Buffer,
    at: number,
    name: HeaderName,
    value: string,
    wasIndexed: boolean,
    isSecret: boolean,
  ): number {
    if (isSecret || isSecretByName(name, value))
      return this.#literal(into, at, NEVER_INDEXED, 4, name, value);
    const inStatic = name.staticIndex === 0 ? 0 : staticIndexOf(name, value);
    if (inStatic !== 0) {
      into[at] = INDEXED | inStatic;
      return at + 1;
    }
    if (name.id !== -1 && (wasIndexed || name.indexing === INDEXING.adaptive)) {
      const found = this.#table.find(name, value);
      if (found !== -1) {
        markUsed(name);
        return writeInteger(into, at, INDEXED, 7, found + STATIC_SIZE + 1);
      }
      if (this.#isWorthIt(name, value, wasIndexed)) return this.#insert(into, at, name, value);
    }
    return this.#literal(into, at, WITHOUT_INDEXING, 4, name, value);
  }

  #isWorthIt(name: HeaderName, value: string, wasIndexed: boolean): boolean {
    if (value.length > MAX_INDEXED_BYTES || !this.#table.fits(name, value)) return false;
    if (wasIndexed) return true;
    const hash = hashOf(value);
    if (this.#missed[name.id] === hash) return true;
    this.#missed[name.id] = hash;
    return false;
  }

  #insert(into: Buffer, at: number, name: HeaderName, value: string): number {
    let end = this.#name(into, at, INCREMENTAL, 6, name);
    end = writeCoded(into, end, value);
    // not a slice that keeps the text of a whole message alive
    this.#table.add(name, Buffer.from(value, 'latin1').toString('latin1'));
    return end;
  }

  #literal(
    into: Buffer,
    at: number,
    form: number,
    prefixBits: number,
    name: HeaderName,
    value: string,
  ): number {
    return writePlain(into, this.#name(into, at, form, prefixBits, name), value);
  }

  #name(into: Buffer, at: number, form: number, prefixBits: number, name: HeaderName): number {
    if (name.staticIndex !== 0) return writeInteger(into, at, form, prefixBits, name.staticIndex);
    const found = name.id === -1 ? -1 : this.#table.findName(name);
    if (found !== -1) return writeInteger(into, at, form, prefixBits, found + STATIC_SIZE + 1);
    into[at] = form;
    return writePlain(into, at + 1, name.text);
  }
}

/** RFC 9113 6.5.2 */
export const INITIAL_TABLE_BYTES = 4096;

function isSecretByName(name: HeaderName, value: string): boolean {
  return name.indexing === INDEXING.never || (name.isCookie && value.length < SHORT_COOKIE_LENGTH);
}

/** FNV-1a. Two values that share it cost an entry, no more. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

function writePlain(into: Buffer, at: number, text: string): number {
  const start = writeInteger(into, at, 0, 7, text.length);
  if (text.length >= SHORT_TEXT_LENGTH) return start + writeLatin1(into, text, start);
  for (let index = 0; index < text.length; index += 1) into[start + index] = text.charCodeAt(index);
  return start + text.length;
}

function writeCoded(into: Buffer, at: number, text: string): number {
  const bytes = huffmanBytes(text);
  if (bytes >= text.length) return writePlain(into, at, text);
  return encodeHuffman(text, into, writeInteger(into, at, 0x80, 7, bytes));
}

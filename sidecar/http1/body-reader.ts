import { Accumulator } from '../transport/accumulator.ts';
import { FieldLines, type Fields } from './fields.ts';
import type { Framing } from './framing.ts';
import { HeadScanner } from './head-scanner.ts';
import { bad } from './syntax-error.ts';

const CR = 0x0d;
const LF = 0x0a;
const MAX_CHUNK_LINE_BYTES = 256;
/** Chunk extensions are dropped; this bounds how many bytes one message may waste on them. */
const MAX_EXTENSION_BYTES = 16 * 1024;
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED = '"(?:[\\t \\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
// RFC 9112 7.1, 7.1.1: hexadecimal size, then extensions: names, with or without a value
const CHUNK_LINE = new RegExp(
  `^([0-9A-Fa-f]{1,13})(?:[ \\t]*;[ \\t]*${TOKEN}(?:[ \\t]*=[ \\t]*(?:${TOKEN}|${QUOTED}))?)*$`,
);

type Phase = 'length' | 'until-close' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailers' | 'done';

/** Reads one body after another; what it gives out has no framing in it. Give it bytes until `done`. */
export class BodyReader {
  readonly #maxTrailerBytes: number;
  #line: Accumulator | undefined;
  #trailerScanner: HeadScanner | undefined;
  #phase: Phase = 'done';
  #left = 0;
  #extensionBytes = 0;
  #crSeen = false;
  #dropsTrailers = false;
  trailers: Fields | undefined;

  constructor(maxTrailerBytes: number) {
    this.#maxTrailerBytes = maxTrailerBytes;
  }

  begin(framing: Framing, dropsTrailers: boolean): void {
    this.#dropsTrailers = dropsTrailers;
    this.#phase = firstPhase(framing);
    this.#left = framing.length;
    this.#extensionBytes = 0;
    this.#crSeen = false;
    this.trailers = undefined;
    this.#trailerScanner?.reset();
  }

  get done(): boolean {
    return this.#phase === 'done';
  }

  /** The connection ended; true when that is how this body ends. */
  end(): boolean {
    if (this.#phase === 'until-close') this.#phase = 'done';
    return this.done;
  }

  /** Takes one step: returns how many bytes were used, and calls `give` at most once. Throws HttpSyntaxError. */
  push(bytes: Buffer, give: (data: Buffer) => void): number {
    switch (this.#phase) {
      case 'until-close':
        give(bytes);
        return bytes.length;
      case 'length':
        return this.#data(bytes, give, 'done');
      case 'chunk-data':
        return this.#data(bytes, give, 'chunk-end');
      case 'chunk-line':
        return this.#chunkLine(bytes);
      case 'chunk-end':
        return this.#chunkEnd(bytes);
      case 'trailers':
        return this.#trailers(bytes);
      case 'done':
        return 0;
    }
  }

  #data(bytes: Buffer, give: (data: Buffer) => void, next: Phase): number {
    const size = Math.min(this.#left, bytes.length);
    this.#left -= size;
    if (this.#left === 0) this.#phase = next;
    give(size === bytes.length ? bytes : bytes.subarray(0, size));
    return size;
  }

  #chunkLine(bytes: Buffer): number {
    this.#line ??= new Accumulator();
    const before = this.#line.length;
    const lf = bytes.indexOf(LF);
    if (before + (lf === -1 ? bytes.length : lf) > MAX_CHUNK_LINE_BYTES)
      bad('RFC 9112 7.1', 'chunk line too long');
    const line = this.#line.append(lf === -1 ? bytes : bytes.subarray(0, lf + 1));
    if (lf === -1) return bytes.length;
    if (line.length < 2 || line[line.length - 2] !== CR) bad('RFC 9112 7.1', 'chunk line ends in a bare LF');
    this.#begin(line.toString('latin1', 0, line.length - 2));
    this.#line.clear();
    return lf + 1;
  }

  #begin(line: string): void {
    const size = CHUNK_LINE.exec(line)?.[1];
    if (size === undefined) return void bad('RFC 9112 7.1', 'invalid chunk size');
    this.#extensionBytes += line.length - size.length;
    if (this.#extensionBytes > MAX_EXTENSION_BYTES) bad('RFC 9112 7.1.1', 'too many chunk extensions');
    this.#left = Number.parseInt(size, 16);
    this.#phase = this.#left === 0 ? 'trailers' : 'chunk-data';
  }

  #chunkEnd(bytes: Buffer): number {
    const expected = this.#crSeen ? LF : CR;
    if (bytes[0] !== expected) bad('RFC 9112 7.1', 'chunk data is longer than its size');
    if (this.#crSeen) this.#phase = 'chunk-line';
    this.#crSeen = !this.#crSeen;
    return 1;
  }

  #trailers(bytes: Buffer): number {
    this.#trailerScanner ??= new HeadScanner(this.#maxTrailerBytes, false);
    const used = this.#trailerScanner.push(bytes);
    const text = this.#trailerScanner.text;
    if (text !== undefined) {
      this.#phase = 'done';
      // read in any case: what is dropped must be valid too
      const trailers = text === '' ? undefined : parseTrailers(text);
      this.trailers = this.#dropsTrailers ? undefined : trailers;
    }
    return used;
  }
}

function firstPhase(framing: Framing): Phase {
  if (framing.type === 'chunked') return 'chunk-line';
  if (framing.type === 'close') return 'until-close';
  return framing.type === 'length' && framing.length > 0 ? 'length' : 'done';
}

/** Fields that would change framing, routing or the caller's identity do not pass as trailers (RFC 9110 6.5.1). */
export const FORBIDDEN_TRAILER =
  /^(?:weft[^0-9a-z]|x-forwarded-|forwarded$|cookie$|proxy-authorization$|content-length$|transfer-encoding$|host$|connection$|keep-alive$|te$|trailer$|upgrade$|expect$|authorization$|content-encoding$|content-type$|content-range$|set-cookie$)/;

function parseTrailers(text: string): Fields | undefined {
  const fields = new FieldLines();
  fields.read(text, 0);
  fields.removeWhere((key) => FORBIDDEN_TRAILER.test(key.replaceAll('_', '-')));
  return fields.size === 0 ? undefined : fields;
}

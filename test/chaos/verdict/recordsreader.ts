import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { ShopRecord } from '../shop/records.ts';

/** Of one file at once; more is read the next time. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Follows files of one JSON object a line that others write to. */
export class RecordsReader {
  readonly #folder: string;
  /** file → what of it was read, and the beginning of a line that is not all there yet */
  readonly #read = new Map<string, { offset: number; rest: string }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Lines that are no record: who is killed while writing leaves one. */
  damaged = 0;

  /** What was written since the last time. */
  next(): ShopRecord[] {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.jsonl'));
    return names.flatMap((name) => this.#linesOf(name).flatMap((line) => this.#recordOf(line)));
  }

  #recordOf(line: string): ShopRecord[] {
    try {
      return [JSON.parse(line)];
    } catch {
      this.damaged += 1;
      return [];
    }
  }

  #linesOf(name: string): string[] {
    const state = this.#read.get(name) ?? { offset: 0, rest: '' };
    const file = openSync(join(this.#folder, name), 'r');
    try {
      const length = Math.min(fstatSync(file).size - state.offset, CHUNK_BYTES);
      if (length <= 0) return [];
      const bytes = Buffer.alloc(length);
      const got = readSync(file, bytes, 0, length, state.offset);
      // all that is written is ASCII, or would be cut inside a character
      const lines = (state.rest + bytes.toString('latin1', 0, got)).split('\n');
      this.#read.set(name, { offset: state.offset + got, rest: lines.pop() ?? '' });
      return lines.filter((line) => line !== '');
    } finally {
      closeSync(file);
    }
  }
}

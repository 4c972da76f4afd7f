import { closeSync, fstatSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ShopRecord } from '../shop/records.ts';

/** Of one file at once; more is read the next time. */
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Kept of what was read, beside the files that are written to. */
const KEPT_BYTES = 256 * 1024 * 1024;

/** What was read of one file, and the beginning of a line that is not all there yet. */
interface Progress {
  offset: number;
  rest: string;
  /** whoever wrote it goes on in the next one, and all of it was read after that */
  isDone: boolean;
}

/**
 * Follows files of one JSON object a line that others write to: `<who>.0.jsonl`, and when that is full
 * `<who>.1.jsonl`. Of the full ones that were read the first to come are removed when there is too much of them.
 */
export class RecordsReader {
  readonly #folder: string;
  readonly #keptBytes: number;
  readonly #read = new Map<string, Progress>();

  constructor(folder: string, keptBytes = KEPT_BYTES) {
    this.#folder = folder;
    this.#keptBytes = keptBytes;
  }

  /** Lines that are no record: who is killed while writing leaves one. */
  damaged = 0;

  /** On the disk, as far as it was read. */
  get bytes(): number {
    return [...this.#read.values()].reduce((sum, { offset }) => sum + offset, 0);
  }

  /** What was written since the last time. */
  next(): ShopRecord[] {
    const names = readdirSync(this.#folder).filter((name) => name.endsWith('.jsonl'));
    const records = names.flatMap((name) => this.#linesOf(name).flatMap((line) => this.#recordOf(line)));
    this.#removeFull();
    return records;
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
    const progress = this.#read.get(name) ?? { offset: 0, rest: '', isDone: false };
    if (progress.isDone) return [];
    this.#read.set(name, progress);
    const hasNext = this.#hasNext(name);
    const file = openSync(join(this.#folder, name), 'r');
    try {
      const left = fstatSync(file).size - progress.offset;
      progress.isDone = hasNext && left <= CHUNK_BYTES;
      if (left <= 0) return [];
      const bytes = Buffer.alloc(Math.min(left, CHUNK_BYTES));
      const got = readSync(file, bytes, 0, bytes.length, progress.offset);
      // all that is written is ASCII, or would be cut inside a character
      const lines = (progress.rest + bytes.toString('latin1', 0, got)).split('\n');
      progress.offset += got;
      progress.rest = lines.pop() ?? '';
      return lines.filter((line) => line !== '');
    } finally {
      closeSync(file);
    }
  }

  #hasNext(name: string): boolean {
    const [, who, index] = /^(.*\.)(\d+)\.jsonl$/.exec(name) ?? [];
    return who !== undefined && this.#read.has(`${who}${Number(index) + 1}.jsonl`);
  }

  #removeFull(): void {
    let excess = this.bytes - this.#keptBytes;
    for (const [name, { offset, isDone }] of this.#read) {
      if (excess <= 0) return;
      if (!isDone) continue;
      rmSync(join(this.#folder, name), { force: true });
      this.#read.delete(name);
      excess -= offset;
    }
  }
}

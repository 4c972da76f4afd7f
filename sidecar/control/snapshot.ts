import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from './lines.ts';

/** Bytes of one snapshot file. */
export const SNAPSHOT_MAX_BYTES = 8 * 1024 * 1024;
const FORMAT = 'weft-snapshot/1';

/**
 * One JSON value on disk, readable by this user only. Written to a temporary file and renamed, so that a
 * reader sees the old or the new one; the first line is a checksum, so that anything else is noticed.
 * It is not synced to the disk: a snapshot lost with its node is a snapshot of a pod lost with its node.
 */
export class SnapshotFile {
  readonly #path: string;
  #queued: { render: () => unknown; done: Promise<void> } | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(stateDir: string, name: string) {
    this.#path = join(stateDir, name);
  }

  /** undefined: there is none, or none that is whole; `reason` says which. Never rejects. */
  async load(): Promise<{ value: unknown } | { value?: undefined; reason: string }> {
    try {
      const { size } = await stat(this.#path);
      if (size > SNAPSHOT_MAX_BYTES) return { reason: 'it is too large' };
      return { value: unwrap(await readFile(this.#path, 'utf8')) };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return { reason: code === 'ENOENT' ? 'there is none' : message };
    }
  }

  /**
   * Resolves when what `render` returned, or something newer, is on disk. While one write runs, at most one
   * more waits. Rejects when the disk does, or when it is too large (the old one stays).
   */
  save(render: () => unknown): Promise<void> {
    if (this.#queued !== undefined) {
      this.#queued.render = render;
      return this.#queued.done;
    }
    const queued = { render, done: Promise.resolve() };
    queued.done = this.#writing.then(() => {
      this.#queued = undefined;
      return this.#write(queued.render());
    });
    this.#queued = queued;
    this.#writing = queued.done.catch(() => {});
    return queued.done;
  }

  /** Resolves when nothing is being written. Never rejects. */
  settled(): Promise<void> {
    return this.#writing;
  }

  async #write(value: unknown): Promise<void> {
    const text = wrap(value);
    if (Buffer.byteLength(text) > SNAPSHOT_MAX_BYTES) throw new Error('the snapshot is too large');
    const temporary = `${this.#path}.new`;
    await rm(temporary, { force: true });
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }
}

function wrap(value: unknown): string {
  const body = JSON.stringify(value);
  return `${FORMAT} ${checksum(body)}\n${body}\n`;
}

function unwrap(text: string): unknown {
  const [head = '', body = ''] = text.split('\n', 2);
  if (!head.startsWith(`${FORMAT} `)) throw new Error('it is not a snapshot of this format');
  if (head !== `${FORMAT} ${checksum(body)}`) throw new Error('its checksum is wrong');
  return parseJson(body);
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

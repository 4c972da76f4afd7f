import { readFile, stat } from 'node:fs/promises';

/** Roots fit many times over; an environment variable holds at most 128 KiB. */
const MAX_BYTES = 64 * 1024;

/**
 * The operator's trust bundle in a mounted file. Looked at on every request, read again only when it changed.
 * Kubernetes swaps a link to publish a new version, so the file's own times tell.
 */
export class TrustBundle {
  readonly #path: string;
  #stamp = '';
  #text: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** PEM; undefined while there is no usable file. */
  async read(): Promise<string | undefined> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const stamp = `${mtimeMs} ${size} ${ino}`;
      if (stamp !== this.#stamp) {
        this.#text = size <= MAX_BYTES ? asPem(await readFile(this.#path, 'utf8')) : undefined;
        this.#stamp = stamp;
      }
      return this.#text;
    } catch {
      this.#stamp = '';
      return undefined;
    }
  }
}

function asPem(text: string): string | undefined {
  return /^-----BEGIN CERTIFICATE-----$/m.test(text) ? text : undefined;
}

import type { HttpVersion } from '../http-server.ts';

/** How long what was found holds before it is looked at again. */
export const LOOK_AGAIN_MS = 300_000;

/**
 * The one version of HTTP that a server was found to take, for it answered in that version to the other. A single answer
 * may be a stray one, and a server may be replaced by another: an answer in the other version unsays it, and from time
 * to time one request without a body, which can be sent again whatever comes of it, goes as if nothing were known.
 */
export class LearnedVersion {
  /** undefined: nothing was found, or it takes both for all we know */
  #only: HttpVersion | undefined = undefined;
  /** monotonic; from then on one request may look again */
  #againMs = 0;

  learn(only: HttpVersion, nowMs: number): void {
    this.#only = only;
    this.#againMs = nowMs + LOOK_AGAIN_MS;
  }

  /** A response came in this version to a request in this version. */
  answered(version: HttpVersion): void {
    if (this.#only !== undefined && this.#only !== version) this.#only = undefined;
  }

  /** What a request goes in that would go in `wanted`; it is the one that looks again when that is due. */
  choose(wanted: HttpVersion, isBodyless: boolean, nowMs: number): HttpVersion {
    const only = this.#only;
    if (only === undefined || only === wanted) return wanted;
    if (!isBodyless || nowMs < this.#againMs) return only;
    this.#againMs = nowMs + LOOK_AGAIN_MS;
    return wanted;
  }
}

import type { Fields } from '../http1/fields.ts';
import { HeldItems } from './held-items.ts';
import type { Stream } from './stream.ts';

/** What was taken is told of in pieces of so much, or of half a window: one for every frame would cost as much as the frame. */
const GIVE_BACK_BYTES = 32 * 1024;

/**
 * What a stream receives, given on in its order while it is wanted. Bytes that nobody has taken are not given back to
 * the peer's windows, so what is held is at most a window.
 */
export class StreamInbox {
  readonly #stream: Stream;
  #paused = false;
  readonly #held = new HeldItems();
  #ended = false;
  #endGiven = false;
  #trailers: Fields | undefined;
  #giving = false;
  /** bytes the peer may still send */
  windowBytes = 0;
  /** taken, and not yet given back to the stream's window */
  #takenBytes = 0;
  /** not taken, or given to somebody who asked for a pause with it */
  #owedBytes = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  data(bytes: Buffer, start: number, end: number, flowBytes: number): void {
    this.windowBytes -= flowBytes;
    this.#owedBytes += flowBytes;
    if (end > start) {
      const piece = bytes.subarray(start, end);
      if (this.#mayGive) this.#stream.onBody(piece);
      else this.#held.pushBytes(piece);
    }
    this.#settle();
  }

  /** Something that has its place between pieces. */
  item(item: object): void {
    if (this.#mayGive) this.#stream.onHeld(item);
    else this.#held.push(item);
  }

  end(trailers: Fields | undefined): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#giveEnd();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#giving) return;
    this.#giving = true;
    while (!this.#paused) {
      const item = this.#held.take();
      if (item === undefined) break;
      if (Buffer.isBuffer(item)) this.#stream.onBody(item);
      else this.#stream.onHeld(item);
    }
    this.#giving = false;
    if (this.#held.isEmpty) this.#held.clear();
    this.#settle();
    this.#giveEnd();
  }

  /** Nothing more is wanted: the connection's window gets back what was held. */
  discard(): void {
    this.#held.clear();
    this.#endGiven = true;
    this.#paused = false;
    this.#settle();
  }

  get #mayGive(): boolean {
    return !this.#paused && !this.#giving && this.#held.isEmpty;
  }

  #giveEnd(): void {
    if (!this.#ended || this.#endGiven || !this.#mayGive) return;
    this.#endGiven = true;
    this.#stream.onEnd(this.#trailers);
  }

  #settle(): void {
    if (this.#paused || !this.#held.isEmpty || this.#owedBytes === 0) return;
    const { connection, remoteEnded, id } = this.#stream;
    connection.giveBack(this.#owedBytes);
    this.#takenBytes += this.#owedBytes;
    this.#owedBytes = 0;
    const enoughBytes = Math.min(GIVE_BACK_BYTES, connection.streamWindowBytes / 2);
    if (remoteEnded || this.#takenBytes < enoughBytes) return;
    connection.output.windowUpdate(id, this.#takenBytes);
    this.windowBytes += this.#takenBytes;
    this.#takenBytes = 0;
  }
}

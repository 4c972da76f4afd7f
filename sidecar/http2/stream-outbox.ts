import type { Fields } from '../http1/fields.ts';
import { MAX_WINDOW_BYTES } from './settings.ts';
import type { Stream } from './stream.ts';

/** One stream sends so much before the others that wait get their turn. */
const TURN_BYTES = 16_384;

/** `blocked`: the connection has no window or room; `done`: it waits for its own window, or for nothing. */
export type PumpResult = 'more' | 'blocked' | 'done';

/** What a stream sends, as far as the peer's windows allow and the connection takes it; the rest waits here. */
export class StreamOutbox {
  readonly #stream: Stream;
  #waiting: Buffer[] = [];
  /** of the first that waits, how much has left */
  #at = 0;
  #ending = false;
  #trailers: Fields | undefined;
  /** the owner was told to wait */
  #needsDrain = false;
  /** in the connection's queue of those that have something to send */
  isQueued = false;
  /** bytes the peer takes; negative after it took some back (RFC 9113 6.9.2) */
  windowBytes = 0;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get waitingBytes(): number {
    let bytes = -this.#at;
    for (const piece of this.#waiting) bytes += piece.length;
    return bytes;
  }
  get needsDrain(): boolean {
    return this.#needsDrain;
  }

  /** False: wait for `onDrained`. What cannot leave now is copied. */
  write(data: Buffer): boolean {
    const stream = this.#stream;
    if (stream.localEnded || this.#ending || data.length === 0) return true;
    const sent = this.#waiting.length > 0 ? 0 : this.#send(data, 0, data.length);
    if (sent < data.length) {
      this.#waiting.push(Buffer.from(sent === 0 ? data : data.subarray(sent)));
      this.#needsDrain = true;
      this.#queue();
    } else if (stream.connection.isClogged) {
      this.#needsDrain = true;
      this.#queue();
    }
    return !this.#needsDrain;
  }

  /** Whether more may come after what was written past the windows; false: wait for `onDrained`. */
  mayGoOn(): boolean {
    if (!this.#stream.localEnded && this.#stream.connection.isClogged) {
      this.#needsDrain = true;
      this.#queue();
    }
    return !this.#needsDrain;
  }

  end(trailers: Fields | undefined): void {
    if (this.#stream.localEnded || this.#ending) return;
    this.#ending = true;
    this.#trailers = trailers;
    if (this.#waiting.length === 0) this.#sendEnd();
  }

  /** The connection has room: sends what a turn allows. */
  pump(): PumpResult {
    let budget = TURN_BYTES;
    while (this.#waiting.length > 0 && budget > 0) {
      const piece = this.#waiting[0]!;
      const sent = this.#send(piece, this.#at, Math.min(piece.length, this.#at + budget));
      if (sent === 0) return this.windowBytes > 0 ? 'blocked' : 'done';
      budget -= sent;
      this.#at += sent;
      if (this.#at < piece.length) continue;
      this.#waiting.shift();
      this.#at = 0;
    }
    if (this.#waiting.length > 0) return 'more';
    if (this.#ending) this.#sendEnd();
    else if (this.#needsDrain && !this.#stream.connection.isClogged) this.#drained();
    return this.#needsDrain && this.#stream.connection.isClogged ? 'blocked' : 'done';
  }

  #drained(): void {
    this.#needsDrain = false;
    this.#stream.onDrained();
  }

  /** The peer's window grew by `bytes`, or shrank. False: it became larger than a window may be. */
  widen(bytes: number): boolean {
    this.windowBytes += bytes;
    if (this.windowBytes > MAX_WINDOW_BYTES) return false;
    if (this.windowBytes > 0 && this.#waiting.length > 0) this.#queue();
    return true;
  }

  discard(): void {
    if (this.#waiting.length > 0) this.#waiting = [];
    this.#at = 0;
    this.#needsDrain = false;
  }

  #queue(): void {
    this.#stream.connection.queue(this.#stream);
  }

  /** Returns how much of `start` to `end` has left. */
  #send(data: Buffer, start: number, end: number): number {
    const { connection, id } = this.#stream;
    let at = start;
    while (at < end && !connection.isClogged) {
      const most = Math.min(this.windowBytes, connection.sendWindowBytes, connection.maxFrameBytes);
      if (most <= 0) break;
      const to = Math.min(end, at + most);
      connection.sendData(id, data, at, to);
      this.windowBytes -= to - at;
      at = to;
    }
    if (at > start) this.#stream.touch();
    return at - start;
  }

  #sendEnd(): void {
    const stream = this.#stream;
    stream.connection.sendEnd(stream.id, this.#trailers);
    stream.localEnded = true;
    this.#trailers = undefined;
    stream.onLocalEnd();
  }
}

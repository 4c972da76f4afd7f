import type { Socket } from 'node:net';
import type { Fields } from './fields.ts';
import type { Framing } from './framing.ts';

/**
 * Writes one message: the head and the first body bytes leave in one write. `body` returns false when the
 * socket wants no more for now.
 */
export class BodyWriter {
  readonly #socket: Socket;
  readonly #chunked: boolean;

  constructor(socket: Socket, framing: Framing) {
    this.#socket = socket;
    this.#chunked = framing.type === 'chunked';
  }

  head(text: string): void {
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
    this.#socket.write(text, 'latin1');
  }

  body(data: Buffer): boolean {
    if (data.length === 0) return true;
    if (!this.#chunked) return this.#socket.write(data);
    this.#socket.cork();
    this.#socket.write(`${data.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(data);
    const more = this.#socket.write('\r\n', 'latin1');
    this.#socket.uncork();
    return more;
  }

  end(trailers: Fields | undefined): void {
    if (!this.#chunked) return;
    this.#socket.write(`0\r\n${trailers === undefined ? '' : trailers.serialize()}\r\n`, 'latin1');
  }
}

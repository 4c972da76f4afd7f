import type { Channel } from '../transport/channel.ts';
import type { Fields } from './fields.ts';
import type { Framing } from './framing.ts';

/** Writes one message. `body` returns false when the channel wants no more for now. */
export class BodyWriter {
  readonly #channel: Channel;
  #chunked = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  head(text: string, framing: Framing): void {
    this.#chunked = framing.type === 'chunked';
    this.#channel.write(text);
  }

  body(data: Buffer): boolean {
    if (!this.#chunked) return this.#channel.write(data);
    if (data.length === 0) return true;
    this.#channel.write(`${data.length.toString(16)}\r\n`);
    this.#channel.write(data);
    return this.#channel.write('\r\n');
  }

  end(trailers: Fields | undefined): void {
    if (!this.#chunked) return;
    this.#channel.write(trailers === undefined ? '0\r\n\r\n' : `0\r\n${trailers.serialize()}\r\n`);
  }
}

import type { TunnelEnd } from '../tcp/copy.ts';
import type { ChannelOwner } from '../transport/channel.ts';
import { enter, leave } from '../transport/flush.ts';
import { H2_ERROR } from './error-codes.ts';
import type { Stream } from './stream.ts';

const NOBODY: ChannelOwner = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };

/**
 * A stream that became a tunnel (CONNECT, RFC 9113 8.5; extended CONNECT, RFC 8441), as the channel that a connection
 * of its own would be: END_STREAM is its half-close, RST_STREAM its reset.
 */
export class StreamChannel implements TunnelEnd {
  readonly #stream: Stream;
  owner: ChannelOwner = NOBODY;
  ended = false;
  destroyed = false;
  closed = false;
  #ending = false;
  #closeListeners: (() => void)[] = [];

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  disown(): void {
    this.owner = NOBODY;
  }
  get writable(): boolean {
    return !this.destroyed && !this.#ending;
  }
  get needsDrain(): boolean {
    return this.#stream.outbox.needsDrain;
  }
  get bufferedBytes(): number {
    return this.#stream.outbox.waitingBytes;
  }

  write(data: Buffer | string): boolean {
    if (!this.writable) return true;
    return this.#stream.outbox.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }
  end(): void {
    if (!this.writable) return;
    this.#ending = true;
    this.#stream.outbox.end(undefined);
    this.#closeIfOver();
  }
  pause(): void {
    this.#stream.inbox.pause();
  }
  resume(): void {
    this.#stream.inbox.resume();
  }
  /** What was not delivered must not look complete. */
  abort(): void {
    this.#cut(H2_ERROR.connect);
  }
  destroy(): void {
    this.#cut(H2_ERROR.cancel);
  }
  destroySoon(): void {
    this.end();
    this.#stream.inbox.resume();
  }
  onClosed(listener: () => void): void {
    if (this.closed) return void queueMicrotask(listener);
    this.#closeListeners.push(listener);
  }

  // === from the stream ===

  received(data: Buffer): void {
    this.owner.onData(data);
  }
  peerEnded(): void {
    this.ended = true;
    this.owner.onEnd();
    this.#closeIfOver();
  }
  drained(): void {
    this.owner.onDrain();
  }
  /** The stream was reset, or its connection is gone. */
  lost(): void {
    this.#closeSoon();
  }
  /** What waited after `end` has left. */
  sent(): void {
    this.#closeIfOver();
  }

  #cut(code: number): void {
    if (this.destroyed) return;
    this.#stream.reset(code);
    this.#closeSoon();
  }
  #closeIfOver(): void {
    if (this.ended && this.#stream.localEnded) this.#closeSoon();
  }
  /** Never within a call of the owner's own. */
  #closeSoon(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    setImmediate(() => {
      this.closed = true;
      enter();
      try {
        this.owner.onClose();
        for (const listener of this.#closeListeners) listener();
      } finally {
        leave();
      }
    });
  }
}

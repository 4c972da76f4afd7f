import type { Channel } from './channel.ts';
import type { Timer, Timers } from './timers.ts';

export interface LingerOptions {
  readonly timers: Timers;
  /** how long input is read and dropped after the last byte has left */
  readonly lingerMs: number;
  /** how long the peer may take nothing of what is still to leave */
  readonly idleTimeoutMs: number;
}

/**
 * Sends what is written and the end, and reads and drops input for a while: closing with unread input would
 * send RST, which may destroy a response the client has not read yet (RFC 9112 9.6).
 */
export function lingeringClose(channel: Channel, options: LingerOptions): void {
  if (channel.destroyed) return;
  channel.end();
  const linger = new Linger(channel, options);
  channel.owner = {
    onData: () => {},
    onEnd: () => channel.destroySoon(),
    onDrain: () => {},
    onClose: () => linger.cancel(),
  };
  if (channel.ended) channel.destroySoon();
  else channel.resume();
}

class Linger {
  readonly #channel: Channel;
  readonly #options: LingerOptions;
  #leftBytes: number;
  #progressMs: number;
  #timer: Timer;

  constructor(channel: Channel, options: LingerOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#leftBytes = channel.bufferedBytes;
    this.#progressMs = options.timers.nowMs();
    this.#timer = this.#wait();
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #wait(): Timer {
    return this.#options.timers.after(this.#options.lingerMs, () => this.#check());
  }

  #check(): void {
    const before = this.#leftBytes;
    const nowMs = this.#options.timers.nowMs();
    this.#leftBytes = this.#channel.bufferedBytes;
    if (this.#leftBytes === 0 && before === 0) return void this.#channel.destroy();
    if (this.#leftBytes < before) this.#progressMs = nowMs;
    // a plain end would make what is missing look complete
    if (nowMs - this.#progressMs >= this.#options.idleTimeoutMs) return void this.#channel.abort();
    this.#timer = this.#wait();
  }
}

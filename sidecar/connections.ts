import type { Channel } from './transport/channel.ts';

/** What is open, so that it can be drained and stopped. Bounded by the listeners' own limits. */
export class Connections {
  readonly #open = new Set<Channel>();
  /** Kept apart from the accepted channels: inside mTLS the channel that speaks is another one. */
  readonly #drains = new Map<Channel, () => void>();
  #onEmpty: (() => void) | undefined;
  /** connections end after what they carry */
  isEnding = false;
  /** so do those of callers outside the mesh, whom no control plane tells to look for another endpoint */
  isTerminating = false;

  get size(): number {
    return this.#open.size;
  }

  add(channel: Channel): void {
    this.#open.add(channel);
    channel.onClosed(() => {
      this.#open.delete(channel);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
  }

  /** `drain` asks the connection to end as soon as nothing is in flight. */
  onDrain(channel: Channel, drain: () => void): void {
    if (!this.#drains.has(channel)) channel.onClosed(() => this.#drains.delete(channel));
    this.#drains.set(channel, drain);
  }

  /** Resolves when all are closed. */
  drain(): Promise<void> {
    this.isEnding = true;
    for (const drain of [...this.#drains.values()]) drain();
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  destroyAll(): void {
    this.isEnding = true;
    for (const channel of [...this.#open]) channel.destroy();
  }
}

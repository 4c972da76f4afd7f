import type { Socket } from 'node:net';

/** What is open, so that it can be drained and stopped. Bounded by the listeners' own limits. */
export class Connections {
  readonly #open = new Set<Socket>();
  /** Kept apart from the accepted sockets: inside mTLS the socket that speaks is the one TLS wraps around it. */
  readonly #drains = new Map<Socket, () => void>();
  #onEmpty: (() => void) | undefined;

  get size(): number {
    return this.#open.size;
  }

  add(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
  }

  /** `drain` asks the connection to end as soon as nothing is in flight. */
  onDrain(socket: Socket, drain: () => void): void {
    if (!this.#drains.has(socket)) socket.once('close', () => this.#drains.delete(socket));
    this.#drains.set(socket, drain);
  }

  /** Resolves when all are closed. */
  drain(): Promise<void> {
    for (const drain of [...this.#drains.values()]) drain();
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  destroyAll(): void {
    for (const socket of [...this.#open]) socket.destroy();
  }
}

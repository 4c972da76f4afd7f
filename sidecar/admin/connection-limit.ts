import type { Socket } from 'node:net';

/**
 * At most so many connections. One too many takes the place of the oldest that runs no probe: were it refused,
 * whoever holds idle connections could keep the kubelet out, which would restart the sidecar.
 */
export class ConnectionLimit {
  readonly #max: number;
  /** oldest first */
  readonly #open = new Set<Socket>();
  readonly #busy = new Map<Socket, number>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  add(socket: Socket): void {
    if (this.#open.size >= this.#max && !this.#dropOldest()) return void socket.destroy();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
  }

  /** Keeps it from being dropped until the returned function is called. */
  hold(socket: Socket): () => void {
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    return () => {
      const count = (this.#busy.get(socket) ?? 0) - 1;
      if (count > 0) this.#busy.set(socket, count);
      else this.#busy.delete(socket);
    };
  }

  #dropOldest(): boolean {
    for (const socket of this.#open) {
      if (this.#busy.has(socket)) continue;
      this.#open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }
}

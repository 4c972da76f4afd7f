import type { Limits } from '../limits.ts';
import type { Dial, DialFailure } from '../transport/dial.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { ClientConnection, type ClientConnectionOwner } from './client-connection.ts';

export type Acquired =
  | { readonly ok: true; readonly connection: ClientConnection; readonly reused: boolean }
  | DialFailure;

export interface PoolOptions {
  readonly dial: Dial;
  readonly limits: Limits;
  readonly timers: Timers;
  /** how long an idle connection is kept when the endpoint says nothing about it */
  readonly idleMs: number;
  /** called when the last connection is gone */
  readonly onEmpty: () => void;
}

/** Connections to one endpoint under one identity. The one used last is used first, so that others can age. */
export class Pool implements ClientConnectionOwner {
  readonly #options: PoolOptions;
  readonly #idle: { readonly connection: ClientConnection; readonly timer: Timer }[] = [];
  readonly #open = new Set<ClientConnection>();
  #dialling = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size + this.#dialling;
  }

  /** `fresh`: not one that has been idle. Calls `done` once; returns what cancels a dial under way. */
  acquire(fresh: boolean, done: (result: Acquired) => void): () => void {
    const connection = fresh ? undefined : this.#takeIdle();
    if (connection !== undefined) {
      done({ ok: true, connection, reused: true });
      return () => {};
    }
    if (this.size >= this.#options.limits.maxConnectionsPerEndpoint) {
      done({ ok: false, code: 'overloaded', reason: 'too many connections to this endpoint' });
      return () => {};
    }
    return this.#dial(done);
  }

  #takeIdle(): ClientConnection | undefined {
    for (let entry = this.#idle.pop(); entry !== undefined; entry = this.#idle.pop()) {
      entry.timer.cancel();
      if (entry.connection.isUsable) return entry.connection;
    }
    return undefined;
  }

  #dial(done: (result: Acquired) => void): () => void {
    this.#dialling += 1;
    let settled = false;
    const settle = () => {
      if (settled) return false;
      settled = true;
      this.#dialling -= 1;
      return true;
    };
    const cancel = this.#options.dial((result) => {
      if (!settle()) return;
      if (!result.ok) {
        done(result);
        return this.#closeIfEmpty();
      }
      const connection = new ClientConnection(result.channel, this, this.#options.limits);
      this.#open.add(connection);
      done({ ok: true, connection, reused: false });
    });
    return () => {
      if (!settle()) return;
      cancel();
      this.#closeIfEmpty();
    };
  }

  onReleased(connection: ClientConnection): void {
    const idleMs = this.#idleMs(connection);
    if (idleMs <= 0 || this.#idle.length >= this.#options.limits.maxIdlePerEndpoint)
      return void connection.destroy();
    const timer = this.#options.timers.after(idleMs, () => connection.destroy());
    this.#idle.push({ connection, timer });
  }

  /** A second less than the endpoint announced, so that a request does not meet its close. */
  #idleMs(connection: ClientConnection): number {
    const seconds = connection.keepAliveSeconds;
    return seconds === -1
      ? this.#options.idleMs
      : Math.min((seconds - 1) * 1000, this.#options.limits.meshIdleMs);
  }

  onClosed(connection: ClientConnection): void {
    this.#open.delete(connection);
    const index = this.#idle.findIndex((entry) => entry.connection === connection);
    if (index !== -1) this.#idle.splice(index, 1)[0]!.timer.cancel();
    this.#closeIfEmpty();
  }

  /** Idle connections go; busy ones are not reused. */
  closeIdle(): void {
    for (const entry of [...this.#idle]) entry.connection.destroy();
  }

  #closeIfEmpty(): void {
    if (this.size === 0) this.#options.onEmpty();
  }
}

/** Pools by endpoint; one that is empty is forgotten. */
export class PoolSet {
  readonly #pools = new Map<string, Pool>();

  get(key: string, options: () => Omit<PoolOptions, 'onEmpty'>): Pool {
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const pool: Pool = new Pool({
      ...options(),
      onEmpty: () => {
        if (this.#pools.get(key) === pool) this.#pools.delete(key);
      },
    });
    this.#pools.set(key, pool);
    return pool;
  }

  get size(): number {
    return this.#pools.size;
  }

  closeIdle(): void {
    for (const pool of [...this.#pools.values()]) pool.closeIdle();
  }
}

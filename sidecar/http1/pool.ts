import type { Limits } from '../limits.ts';
import type { Dial, DialFailure } from '../transport/dial.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { ClientConnection, type ClientConnectionOwner } from './client-connection.ts';

export type Acquired = { readonly ok: true; readonly connection: ClientConnection } | DialFailure;

/** How many connections and waiting requests a destination may have; see layers/circuit-breaker.ts. */
export interface PoolBudget {
  tryConnect(): boolean;
  disconnected(): void;
  tryWait(): boolean;
  waited(): void;
}

export interface PoolOptions {
  readonly dial: Dial;
  readonly limits: Limits;
  readonly timers: Timers;
  /** how long an idle connection is kept when the endpoint says nothing about it */
  readonly idleMs: number;
  readonly budget?: PoolBudget | undefined;
}

interface Waiter {
  readonly done: (result: Acquired) => void;
}

/** Connections to one endpoint under one identity. The one used last is used first, so that others can age. */
export class Pool implements ClientConnectionOwner {
  readonly #options: PoolOptions;
  readonly #set: PoolSet;
  readonly #idle: ClientConnection[] = [];
  readonly #open = new Set<ClientConnection>();
  readonly #waiting: Waiter[] = [];
  #sweep: Timer | undefined;
  #dialling = 0;

  constructor(set: PoolSet, options: PoolOptions) {
    this.#set = set;
    this.#options = options;
  }

  get size(): number {
    return this.#open.size + this.#dialling;
  }

  /** An idle connection that may carry a request, if there is one. */
  take(): ClientConnection | undefined {
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.isUsable && !this.#isStale(connection)) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /**
   * Makes a connection, or waits for one when there are as many as there may be. Calls `done` once; returns
   * what cancels.
   */
  connect(done: (result: Acquired) => void): () => void {
    const { limits, budget } = this.#options;
    if (this.size < limits.maxConnectionsPerEndpoint && (budget?.tryConnect() ?? true))
      return this.#dial(done);
    // somebody must be there to give a connection back
    if (this.#open.size === 0 || !(budget?.tryWait() ?? false)) {
      done({ ok: false, code: 'circuit-open', reason: 'too many connections' });
      return () => {};
    }
    return this.#wait(done);
  }

  #wait(done: (result: Acquired) => void): () => void {
    const waiter = { done };
    this.#waiting.push(waiter);
    return () => {
      const index = this.#waiting.indexOf(waiter);
      if (index === -1) return;
      this.#waiting.splice(index, 1);
      this.#options.budget?.waited();
    };
  }

  #dial(done: (result: Acquired) => void): () => void {
    this.#dialling += 1;
    this.#set.add(this);
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
        this.#disconnected();
        return done(result);
      }
      const connection = new ClientConnection(result.channel, this, this.#options.limits);
      connection.bornMs = this.#options.timers.nowMs();
      this.#open.add(connection);
      done({ ok: true, connection });
    });
    return () => {
      if (!settle()) return;
      cancel();
      this.#disconnected();
    };
  }

  #disconnected(): void {
    this.#options.budget?.disconnected();
    if (this.size === 0) this.#set.remove(this);
    this.#serveWaiting();
  }

  onReleased(connection: ClientConnection): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      this.#options.budget?.waited();
      return void waiter.done({ ok: true, connection });
    }
    const { limits, timers } = this.#options;
    const nowMs = timers.coarseMs();
    const isOld = nowMs - connection.bornMs > limits.maxConnectionAgeMs;
    connection.idleUntilMs = nowMs + this.#idleMs(connection);
    if (isOld || connection.idleUntilMs <= nowMs || this.#idle.length >= limits.maxIdlePerEndpoint) {
      return void connection.destroy();
    }
    this.#idle.push(connection);
    this.#sweep ??= timers.after(connection.idleUntilMs - nowMs, () => this.#closeStale());
  }

  /** A second less than the endpoint announced, so that a request does not meet its close. */
  #idleMs(connection: ClientConnection): number {
    const seconds = connection.keepAliveSeconds;
    return seconds === -1
      ? this.#options.idleMs
      : Math.min((seconds - 1) * 1000, this.#options.limits.meshIdleMs);
  }

  #isStale(connection: ClientConnection): boolean {
    return this.#options.timers.coarseMs() >= connection.idleUntilMs;
  }

  #closeStale(): void {
    this.#sweep = undefined;
    for (const connection of [...this.#idle]) if (this.#isStale(connection)) connection.destroy();
    const left = this.#idle.filter((connection) => connection.isUsable);
    if (left.length === 0) return;
    const next = Math.min(...left.map(({ idleUntilMs }) => idleUntilMs));
    const waitMs = Math.max(0, next - this.#options.timers.coarseMs());
    this.#sweep = this.#options.timers.after(waitMs, () => this.#closeStale());
  }

  onClosed(connection: ClientConnection): void {
    if (!this.#open.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    this.#disconnected();
  }

  /** A connection that went makes room for one that is waited for; without any, nobody would ever be served. */
  #serveWaiting(): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) return;
    this.#options.budget?.waited();
    if (this.#options.budget?.tryConnect() ?? true) this.#dial(waiter.done);
    else waiter.done({ ok: false, code: 'circuit-open', reason: 'too many connections' });
  }

  /** Idle connections go, busy ones end with what they carry. */
  retire(): void {
    for (const connection of [...this.#open]) connection.retire();
    for (const connection of [...this.#idle]) connection.destroy();
  }
}

/** Pools that have connections. */
export class PoolSet {
  readonly #pools = new Set<Pool>();

  add(pool: Pool): void {
    this.#pools.add(pool);
  }

  remove(pool: Pool): void {
    this.#pools.delete(pool);
  }

  get size(): number {
    return this.#pools.size;
  }

  retire(): void {
    for (const pool of [...this.#pools]) pool.retire();
  }
}

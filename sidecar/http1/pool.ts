import type { Limits } from '../limits.ts';
import type { Dial, DialFailure } from '../transport/dial.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { ClientConnection, type ClientConnectionOwner, type RequestCarrier } from './client-connection.ts';

export type Acquired = { readonly ok: true; readonly connection: RequestCarrier } | DialFailure;

/** Connections to one endpoint under one identity, whatever they speak. */
export interface RequestPool {
  /** connections, those on their way included */
  readonly size: number;
  /** Room on a connection there is; undefined: none has any. */
  take(): RequestCarrier | undefined;
  /** Makes room, or waits for some. Calls `done` once; returns what cancels. */
  connect(done: (result: Acquired) => void): () => void;
  serveWaiting(): boolean;
  dropIdle(): boolean;
  /** The endpoint may be gone: what it has not been heard on since then carries no further request. */
  distrust(sinceMs: number): void;
  close(): void;
  retire(): void;
}

/** How many connections and waiting requests a destination may have; see layers/circuit-breaker.ts. */
export interface PoolBudget {
  tryConnect(): boolean;
  disconnected(): void;
  tryWait(): boolean;
  waited(): void;
  /** A request to another endpoint waits for room. */
  isWanted(waitingHere: number): boolean;
  /** There is room, and nobody here who waits for it. True: somebody elsewhere took it. */
  offer(): boolean;
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

/** Requests that waited are given released connections before those that wait for other endpoints get their turn. */
const MAX_HANDED_OVER = 32;

/** Connections to one endpoint under one identity. The one used last is used first, so that others can age. */
export class Pool implements RequestPool, ClientConnectionOwner {
  readonly #options: PoolOptions;
  readonly #set: PoolSet;
  readonly #idle: ClientConnection[] = [];
  readonly #open = new Set<ClientConnection>();
  readonly #waiting: Waiter[] = [];
  #sweep: Timer | undefined;
  #dialling = 0;
  /** since others who wait had a turn */
  #handedOver = 0;
  /** connections begun before the last `retire` carry one exchange at most */
  #generation = 0;

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
      if (connection.isUsable && !this.#isStale(connection) && !this.#isOld(connection)) return connection;
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
    // with a budget there are connections of this destination, and one of them comes back or ends
    if (!(budget?.tryWait() ?? false)) {
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
    const generation = this.#generation;
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
      // e.g. under an identity that is not ours any more
      if (generation !== this.#generation) connection.retire();
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
    const isOthersTurn = this.#waiting.length === 0 || this.#handedOver >= MAX_HANDED_OVER;
    if (isOthersTurn) this.#handedOver = 0;
    if (!isOthersTurn || !this.#options.budget?.offer()) this.serveWaiting();
  }

  onReleased(connection: ClientConnection): void {
    const { limits, timers, budget } = this.#options;
    if (this.#isOld(connection)) return void connection.destroy();
    const isWanted = budget?.isWanted(this.#waiting.length) ?? false;
    if (isWanted && (this.#waiting.length === 0 || this.#handedOver >= MAX_HANDED_OVER)) {
      return void connection.destroy();
    }
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      this.#handedOver += 1;
      budget?.waited();
      return void waiter.done({ ok: true, connection });
    }
    const nowMs = timers.coarseMs();
    connection.idleSinceMs = nowMs;
    connection.idleUntilMs = nowMs + this.#idleMs(connection);
    if (connection.idleUntilMs <= nowMs || this.#idle.length >= limits.maxIdlePerEndpoint) {
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

  /** Carries no further request, so that load spreads over new endpoints. */
  #isOld(connection: ClientConnection): boolean {
    const { timers, limits } = this.#options;
    return timers.coarseMs() - connection.bornMs > limits.maxConnectionAgeMs;
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

  /** A connection that went makes room for one that is waited for. False: nobody waits, or there is no room. */
  serveWaiting(): boolean {
    const { budget, limits } = this.#options;
    if (this.#waiting.length === 0 || this.size >= limits.maxConnectionsPerEndpoint) return false;
    if (!(budget?.tryConnect() ?? true)) return false;
    budget?.waited();
    this.#dial(this.#waiting.shift()!.done);
    return true;
  }

  /** Closes an idle connection and gives its room back at once. False: there is none. */
  dropIdle(): boolean {
    const connection = this.#idle.shift();
    if (connection === undefined) return false;
    this.#open.delete(connection);
    connection.destroy();
    this.#options.budget?.disconnected();
    if (this.size === 0) this.#set.remove(this);
    return true;
  }

  distrust(sinceMs: number): void {
    for (const connection of [...this.#idle]) if (connection.idleSinceMs < sinceMs) connection.destroy();
  }

  /** The endpoint is gone: as `retire`, and nobody waits here any more. */
  close(): void {
    this.retire();
    for (const waiter of this.#waiting.splice(0)) {
      this.#options.budget?.waited();
      waiter.done({ ok: false, code: 'connect-failure', reason: 'the endpoint left the destination' });
    }
  }

  /** Idle connections go, busy ones end with what they carry. */
  retire(): void {
    this.#generation += 1;
    for (const connection of [...this.#open]) connection.retire();
    for (const connection of [...this.#idle]) connection.destroy();
  }
}

/** Pools that have connections. */
export class PoolSet {
  readonly #pools = new Set<RequestPool>();

  add(pool: RequestPool): void {
    this.#pools.add(pool);
  }

  remove(pool: RequestPool): void {
    this.#pools.delete(pool);
  }

  get size(): number {
    return this.#pools.size;
  }

  retire(): void {
    for (const pool of [...this.#pools]) pool.retire();
  }
}

import type { Acquired, PoolOptions, PoolSet, RequestPool } from '../http1/pool.ts';
import type { DialResult } from '../transport/dial.ts';
import type { Timer } from '../transport/timers.ts';
import { ASSUMED_STREAMS, ClientConnection, type ClientConnectionOwner } from './client-connection.ts';
import type { ClientStream } from './client-stream.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limits.ts';

export interface Http2PoolOptions extends PoolOptions {
  readonly http2?: Http2Limits;
  /** what `:scheme` says */
  readonly scheme?: 'http' | 'https';
}

/** A request without a stream yet. */
interface Waiter {
  readonly done: (result: Acquired) => void;
  /** where it waits; undefined: nowhere any more */
  queue: Waiter[] | undefined;
  /** the budget knows of it */
  isCounted: boolean;
}

/** A connection on its way, and who will share it. */
interface Dialling {
  readonly waiters: Waiter[];
  readonly generation: number;
  cancel: () => void;
}

/** Streams given out here before requests that wait for other endpoints get their turn. */
const MAX_HANDED_OVER = 32;

/**
 * HTTP/2 connections to one endpoint under one identity: as few as carry all requests, since each takes as many as the
 * endpoint allows. The oldest with room is used first, so that the others can become idle.
 */
export class Http2Pool implements RequestPool, ClientConnectionOwner {
  readonly #options: Http2PoolOptions;
  readonly #set: PoolSet;
  /** those that take further requests, in the order they were made */
  readonly #usable: ClientConnection[] = [];
  readonly #open = new Set<ClientConnection>();
  readonly #diallings = new Set<Dialling>();
  /** while there are as many connections as there may be, and none has room */
  readonly #waiting: Waiter[] = [];
  #sweep: Timer | undefined;
  #handedOver = 0;
  /** connections begun before the last `retire` carry what waited for them and nothing else */
  #generation = 0;

  constructor(set: PoolSet, options: Http2PoolOptions) {
    this.#set = set;
    this.#options = options;
  }

  get size(): number {
    return this.#open.size + this.#diallings.size;
  }

  /** A stream of a connection there is, if one has room. */
  take(): ClientStream | undefined {
    for (let index = 0; index < this.#usable.length; index += 1) {
      const connection = this.#usable[index]!;
      if (this.#isSpent(connection)) index -= 1;
      else if (connection.hasRoom) return connection.open();
    }
    return undefined;
  }

  /** Idle for too long, or so old that load should move on. It is out of the usable ones then. */
  #isSpent(connection: ClientConnection): boolean {
    const nowMs = this.#options.timers.coarseMs();
    const isStale = connection.load === 0 && nowMs >= connection.idleUntilMs;
    const isOld = nowMs - connection.bornMs > this.#options.limits.maxConnectionAgeMs;
    if (!isStale && !isOld) return false;
    connection.retire();
    return true;
  }

  /** A stream of a connection to be, or of the first that has room. Calls `done` once; returns what cancels. */
  connect(done: (result: Acquired) => void): () => void {
    const waiter: Waiter = { done, queue: undefined, isCounted: false };
    this.#place(waiter);
    return () => this.#cancel(waiter);
  }

  #place(waiter: Waiter): void {
    const { limits, budget } = this.#options;
    for (const { waiters } of this.#diallings) {
      if (waiters.length < ASSUMED_STREAMS) return void join(waiter, waiters);
    }
    if (this.size < limits.maxConnectionsPerEndpoint && (budget?.tryConnect() ?? true)) {
      return void this.#dial(waiter);
    }
    // with a budget there are connections of this destination, and a stream or one of them comes back
    if (!(budget?.tryWait() ?? false)) {
      return void waiter.done({ ok: false, code: 'circuit-open', reason: 'too many connections' });
    }
    waiter.isCounted = true;
    join(waiter, this.#waiting);
  }

  #cancel(waiter: Waiter): void {
    const { queue } = waiter;
    if (queue === undefined) return;
    leaveQueue(waiter);
    this.#uncount(waiter);
    for (const dialling of this.#diallings) {
      if (dialling.waiters !== queue || queue.length > 0) continue;
      this.#diallings.delete(dialling);
      dialling.cancel();
      this.#disconnected();
    }
  }

  #uncount(waiter: Waiter): void {
    if (waiter.isCounted) this.#options.budget?.waited();
    waiter.isCounted = false;
  }

  #dial(first: Waiter): void {
    const dialling: Dialling = { waiters: [], generation: this.#generation, cancel: () => {} };
    join(first, dialling.waiters);
    this.#diallings.add(dialling);
    this.#set.add(this);
    dialling.cancel = this.#options.dial((result) => this.#dialled(dialling, result));
  }

  #dialled(dialling: Dialling, result: DialResult): void {
    if (!this.#diallings.delete(dialling)) return;
    const waiters = [...dialling.waiters];
    if (!result.ok) {
      this.#disconnected();
      for (const waiter of waiters) if (waiter.queue !== undefined) give(waiter, result);
      return;
    }
    const connection = this.#connection(result);
    for (const waiter of waiters) {
      if (waiter.queue === undefined) continue;
      leaveQueue(waiter);
      if (connection.hasRoom) waiter.done({ ok: true, connection: connection.open() });
      else this.#place(waiter);
    }
    // e.g. under an identity that is not ours any more
    if (dialling.generation !== this.#generation) connection.retire();
    else this.onRoom(connection);
  }

  #connection({ channel, alpn }: Extract<DialResult, { ok: true }>): ClientConnection {
    const { limits, timers, http2 = DEFAULT_HTTP2_LIMITS, scheme = 'http' } = this.#options;
    const options = { limits, timers, http2, scheme, owner: this, alpn };
    const connection = new ClientConnection(channel, options);
    connection.bornMs = timers.nowMs();
    connection.idleUntilMs = Number.POSITIVE_INFINITY;
    this.#open.add(connection);
    this.#usable.push(connection);
    return connection;
  }

  // === what connections tell ===

  onRoom(connection: ClientConnection): void {
    if (!connection.hasRoom) return;
    const { budget } = this.#options;
    while (this.#waiting.length > 0 && connection.hasRoom) {
      const waiter = this.#waiting[0]!;
      this.#uncount(waiter);
      give(waiter, { ok: true, connection: connection.open() });
    }
    if (budget?.isWanted(this.#waiting.length)) return void this.#yieldRoom(connection);
    if (connection.load === 0) this.#onIdle(connection);
  }

  /** Requests to other endpoints wait for a connection: an idle one goes now, a busy one after a while. */
  #yieldRoom(connection: ClientConnection): void {
    this.#handedOver += 1;
    if (connection.load > 0 && this.#handedOver < MAX_HANDED_OVER) return;
    this.#handedOver = 0;
    connection.retire();
  }

  #onIdle(connection: ClientConnection): void {
    const { idleMs, limits, timers } = this.#options;
    const idle = this.#usable.filter(({ load }) => load === 0).length;
    if (idleMs <= 0 || idle > limits.maxIdlePerEndpoint) return void connection.retire();
    connection.idleUntilMs = timers.coarseMs() + idleMs;
    this.#sweep ??= timers.after(idleMs, () => this.#closeStale());
  }

  #closeStale(): void {
    this.#sweep = undefined;
    const { timers } = this.#options;
    for (const connection of [...this.#usable]) this.#isSpent(connection);
    const idle = this.#usable.filter(({ load }) => load === 0);
    if (idle.length === 0) return;
    const next = Math.min(...idle.map(({ idleUntilMs }) => idleUntilMs));
    this.#sweep = timers.after(Math.max(0, next - timers.coarseMs()), () => this.#closeStale());
  }

  onRetired(connection: ClientConnection): void {
    const index = this.#usable.indexOf(connection);
    if (index !== -1) this.#usable.splice(index, 1);
  }

  onClosed(connection: ClientConnection): void {
    if (this.#open.delete(connection)) this.#disconnected();
  }

  #disconnected(): void {
    this.#options.budget?.disconnected();
    if (this.size === 0) this.#set.remove(this);
    if (this.#waiting.length > 0 && this.serveWaiting()) return;
    this.#options.budget?.offer();
  }

  // === what others ask ===

  /** A connection that went makes room for one that is waited for. False: nobody waits, or there is no room. */
  serveWaiting(): boolean {
    const { budget, limits } = this.#options;
    const waiter = this.#waiting[0];
    if (waiter === undefined || this.size >= limits.maxConnectionsPerEndpoint) return false;
    if (!(budget?.tryConnect() ?? true)) return false;
    leaveQueue(waiter);
    this.#uncount(waiter);
    this.#dial(waiter);
    return true;
  }

  /** Closes an idle connection and gives its room back at once. False: there is none. */
  dropIdle(): boolean {
    const connection = this.#usable.find(({ load }) => load === 0);
    if (connection === undefined) return false;
    this.#open.delete(connection);
    connection.destroy();
    this.#options.budget?.disconnected();
    if (this.size === 0) this.#set.remove(this);
    return true;
  }

  distrust(sinceMs: number): void {
    for (const connection of [...this.#open]) if (connection.watch.heardMs < sinceMs) connection.retire();
  }

  /** The endpoint is gone: as `retire`, and nobody waits here any more. */
  close(): void {
    this.retire();
    for (const waiter of [...this.#waiting]) {
      this.#uncount(waiter);
      give(waiter, {
        ok: false,
        code: 'connect-failure',
        reason: 'the endpoint left the destination',
      });
    }
  }

  /** Idle connections go, busy ones end with what they carry. */
  retire(): void {
    this.#generation += 1;
    for (const connection of [...this.#open]) connection.retire();
  }
}

function join(waiter: Waiter, queue: Waiter[]): void {
  waiter.queue = queue;
  queue.push(waiter);
}

function leaveQueue(waiter: Waiter): void {
  const { queue } = waiter;
  waiter.queue = undefined;
  const index = queue?.indexOf(waiter) ?? -1;
  if (index !== -1) queue!.splice(index, 1);
}

function give(waiter: Waiter, result: Acquired): void {
  leaveQueue(waiter);
  waiter.done(result);
}

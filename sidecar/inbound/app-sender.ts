import type { ErrorCode } from '../../api/errors.ts';
import type { Context } from '../context.ts';
import type { Exchange, FinishListener, HttpHandler } from '../http1/exchange.ts';
import { Forward, type ForwardOwner, mayRepeat } from '../http1/forward.ts';
import type { Acquired, Pool } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { RetryBudget } from '../layers/retry-budget.ts';
import type { Limits } from '../limits.ts';
import type { Timers } from '../transport/timers.ts';
import type { PendingRequests } from './pending-requests.ts';

export interface App {
  /** its address */
  readonly name: string;
  readonly pool: Pool;
  readonly pending: PendingRequests;
  /** of requests whose idle connection is closed under them */
  readonly repeats: RetryBudget;
  /** of tunnels to it; 0: none, undefined: the sidecar's own */
  readonly idleTimeoutMs: () => number | undefined;
}

/** The end of a request's way in: the app, over a connection that is kept. */
export function sendToApp(context: Context, app: App): HttpHandler {
  return (exchange) => new AppRequest(context, app, exchange).start();
}

class AppRequest implements ForwardOwner, FinishListener {
  readonly #app: App;
  readonly #exchange: Exchange;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly fallbackHost: string;
  /** what the app says in the mesh's name is not passed on */
  readonly trustsMeshFields = false;
  readonly replay = undefined;
  #mayRepeat = false;
  #isPending = false;
  #cancel: (() => void) | undefined = undefined;

  constructor(context: Context, app: App, exchange: Exchange) {
    this.#app = app;
    this.#exchange = exchange;
    this.timers = context.timers;
    this.limits = context.limits;
    this.fallbackHost = app.name;
  }

  get tunnelIdleMs(): number | undefined {
    return this.#app.idleTimeoutMs();
  }

  start(): void {
    this.#exchange.trail.endpoint = this.fallbackHost;
    const { pool, repeats } = this.#app;
    repeats.onRequest(this.timers.coarseMs());
    this.#mayRepeat = mayRepeat(this.#exchange);
    // one that could be repeated goes over a fresh connection when repeating it is not within the budget
    const idle = repeats.mayRepeat || !this.#mayRepeat ? pool.take() : void pool.dropIdle();
    if (idle === undefined) return void this.#connect();
    new Forward(this.#exchange, idle, this).start(undefined);
  }

  #connect(): void {
    this.#mayRepeat = false;
    if (!this.#app.pending.tryEnter()) {
      return void this.#exchange.answer('overloaded', 'too many requests wait for the app');
    }
    this.#isPending = true;
    this.#exchange.onFinish(this);
    this.#cancel = this.#app.pool.connect((result) => this.#connected(result));
  }

  #connected(result: Acquired): void {
    const exchange = this.#exchange;
    this.#cancel = undefined;
    this.#waited();
    if (exchange.aborted || exchange.responseEnded) {
      if (result.ok) result.connection.release();
      return;
    }
    if (!result.ok) return void exchange.answer(result.code, result.reason);
    new Forward(exchange, result.connection, this).start(undefined);
  }

  onExchangeFinished(): void {
    this.#cancel?.();
    this.#waited();
  }

  #waited(): void {
    if (this.#isPending) this.#app.pending.leave();
    this.#isPending = false;
  }

  onResponse(_head: ResponseHead): boolean {
    this.#exchange.trail.respondedMs = this.timers.nowMs();
    return false;
  }

  /** Once more on a fresh connection, when an idle one had been closed under the request. */
  onFailed(_code: ErrorCode, _reason: string, sawResponse: boolean): boolean {
    if (!this.#mayRepeat || sawResponse) return false;
    if (!this.#app.repeats.tryRepeat(this.timers.coarseMs())) return false;
    this.#connect();
    return true;
  }
}

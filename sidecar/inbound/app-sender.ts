import type { ErrorCode } from '../../api/errors.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier } from '../http1/client-connection.ts';
import type { Exchange, FinishListener, HttpHandler } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import { Forward, type ForwardOwner, mayRepeat } from '../http1/forward.ts';
import type { Acquired, RequestPool } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { LearnedVersion } from '../layers/learned-version.ts';
import { ReplayBuffer } from '../layers/replay-buffer.ts';
import { LOST_BODY, ResendAllowance } from '../layers/resend-allowance.ts';
import type { RetryBudget } from '../layers/retry-budget.ts';
import { isTranslatable, versionFor } from '../layers/version.ts';
import { fromHttp1, toHttp1 } from '../layers/websocket.ts';
import type { Limits } from '../limits.ts';
import type { Timers } from '../transport/timers.ts';
import type { AppPresence } from './app-presence.ts';
import type { PendingRequests } from './pending-requests.ts';

export interface App {
  /** its address */
  readonly name: string;
  readonly pools: Readonly<Record<HttpVersion, RequestPool>>;
  readonly presence: Readonly<Record<HttpVersion, AppPresence>>;
  readonly pending: PendingRequests;
  /** of requests whose idle connection is closed under them */
  readonly repeats: RetryBudget;
  /** of tunnels to it; 0: none, undefined: the sidecar's own */
  readonly idleTimeoutMs: () => number | undefined;
  /** by what is declared of its port */
  readonly declared: () => HttpVersion | undefined;
  readonly version: LearnedVersion;
}

/** The end of a request's way in: the app, over a connection that is kept. */
export function sendToApp(context: Context, app: App): HttpHandler {
  return (exchange) => new AppRequest(context, app, exchange).start();
}

const never = () => false;

class AppRequest implements ForwardOwner, FinishListener {
  readonly #app: App;
  readonly #exchange: Exchange;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly fallbackHost: string;
  /** what the app says in the mesh's name is not passed on */
  readonly trustsMeshFields = false;
  /** of HTTP/2, where an app can say that it did nothing about a request */
  readonly replay: ReplayBuffer<Fields> | undefined;
  /** sent over a connection that was idle before, and may be sent once more */
  #mayRepeat = false;
  /** it was sent, and now it is asked whether the app is still there */
  #isAsked = false;
  readonly #resends = new ResendAllowance();
  #version: HttpVersion;
  #isPending = false;
  #cancel: (() => void) | undefined = undefined;

  constructor(context: Context, app: App, exchange: Exchange) {
    this.#app = app;
    this.#exchange = exchange;
    this.timers = context.timers;
    this.limits = context.limits;
    this.fallbackHost = app.name;
    this.#version = versionFor(
      exchange,
      exchange.version,
      app.declared(),
      app.version,
      this.timers.coarseMs(),
    );
    const isKept = this.#version === 'http2' && exchange.head.framing.type !== 'none';
    this.replay = isKept ? new ReplayBuffer() : undefined;
  }

  get tunnelIdleMs(): number | undefined {
    return this.#app.idleTimeoutMs();
  }

  start(): void {
    this.#exchange.trail.endpoint = this.fallbackHost;
    const { repeats } = this.#app;
    const version = this.#version;
    const pool = this.#app.pools[version];
    repeats.onRequest(this.timers.coarseMs());
    if (this.replay !== undefined) this.#exchange.onFinish(this);
    this.#mayRepeat = mayRepeat(this.#exchange);
    // one that could be repeated goes over a fresh connection when repeating it is not within the budget
    const mayTake = version === 'http2' || repeats.mayRepeat || !this.#mayRepeat;
    const idle = mayTake ? pool.take() : void pool.dropIdle();
    if (idle === undefined) return void this.#connect();
    new Forward(this.#exchange, idle, this).start(undefined);
  }

  #connect(): void {
    this.#mayRepeat = false;
    if (!this.#app.pending.tryEnter()) {
      return void this.#exchange.answer('overloaded', 'too many requests wait for the app');
    }
    this.#isPending = true;
    if (this.replay === undefined) this.#exchange.onFinish(this);
    this.#cancel = this.#app.pools[this.#version].connect((result) => this.#connected(result));
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
    const { replay } = this;
    if (this.#resends.isLost(replay)) {
      result.connection.destroy();
      return void exchange.answer('upstream-reset', LOST_BODY);
    }
    const pieces = replay === undefined || replay.sizeBytes === 0 ? undefined : replay.pieces;
    new Forward(exchange, result.connection, this).start(pieces);
  }

  onExchangeFinished(): void {
    this.#cancel?.();
    this.#waited();
    this.replay?.release();
  }

  #waited(): void {
    if (this.#isPending) this.#app.pending.leave();
    this.#isPending = false;
  }

  onResponse(head: ResponseHead): boolean {
    if (this.#version !== this.#exchange.version) fromHttp1(head);
    this.#app.version.answered(this.#version);
    this.#exchange.trail.respondedMs = this.timers.nowMs();
    this.replay?.release();
    return false;
  }

  /** Once more on a fresh connection, when an idle one had been closed under the request. */
  onFailed(
    code: ErrorCode,
    _reason: string,
    { sawResponse, isUnprocessed, refusesUpgrade, spokeInstead }: RequestCarrier,
  ): boolean {
    if (spokeInstead !== undefined && this.#translate(spokeInstead)) return true;
    if (sawResponse) return false;
    if (refusesUpgrade && toHttp1(this.#exchange.head)) {
      this.#version = 'http1';
      this.#connect();
      return true;
    }
    if (isUnprocessed && this.#resends.take(this.#exchange, this.replay, never)) {
      this.#connect();
      return true;
    }
    if (this.#mayRepeat && this.#app.repeats.tryRepeat(this.timers.coarseMs())) {
      this.#connect();
      return true;
    }
    if (code !== 'upstream-reset' || this.#isAsked || !mayRepeat(this.#exchange)) return false;
    this.#askWhetherThere();
    return true;
  }

  /** The app closed a connection and may be about to end: if it is not there any more, callers ask another. */
  #askWhetherThere(): void {
    this.#isAsked = true;
    if (this.replay === undefined) this.#exchange.onFinish(this);
    this.#cancel = this.#app.presence[this.#version].ask((failure) => {
      this.#cancel = undefined;
      if (failure !== undefined) this.#exchange.answer(failure.code, failure.reason);
      else this.#exchange.answer('upstream-reset', 'the app closed the connection');
    });
  }

  /** The app takes the other version, and did nothing about the request: once more, with all there is of the body. */
  #translate(version: HttpVersion): boolean {
    this.#app.version.learn(version, this.timers.coarseMs());
    if (!isTranslatable(this.#exchange)) return false;
    if (!this.#resends.take(this.#exchange, this.replay, never)) return false;
    this.#version = version;
    this.#connect();
    return true;
  }
}

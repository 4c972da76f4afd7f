import type { ErrorCode } from '../../api/errors.ts';
import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier } from '../http1/client-connection.ts';
import type { Exchange, FinishListener } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import { Forward, type ForwardOwner, isWhole, mayRepeat } from '../http1/forward.ts';
import type { Acquired } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { REQUESTS } from '../layers/circuit-breaker.ts';
import { deadlineMs, grpcStatus, NO_GRPC_STATUS } from '../layers/grpc.ts';
import { ReplayBuffer } from '../layers/replay-buffer.ts';
import { LOST_BODY, ResendAllowance } from '../layers/resend-allowance.ts';
import { RetryAllowance } from '../layers/retry-allowance.ts';
import type { AttemptFailure } from '../layers/retry-policy.ts';
import { fromHttp1, toHttp1 } from '../layers/websocket.ts';
import type { Limits } from '../limits.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { AnswerVerdict } from './answer-verdict.ts';
import type { Backend } from './backend.ts';
import { peerRefusal, UNSENT } from './peer-refusal.ts';
import type { RouteSettings } from './route-settings.ts';
import type { Upstream } from './upstream.ts';

const NONE: readonly Host[] = [];
/**
 * One request on its way to a destination: circuit breaker, request timeout, then attempts, each with a host,
 * a connection and a timeout of its own, as many as the retry policy and the budget allow.
 */
export class UpstreamRequest implements ForwardOwner, FinishListener {
  readonly #context: Context;
  readonly #exchange: Exchange;
  readonly #upstream: Upstream;
  readonly #backend: Backend;
  readonly #settings: RouteSettings;
  readonly #hash: number;
  readonly timers: Timers;
  readonly limits: Limits;
  replay: ReplayBuffer<Fields> | undefined = undefined;

  #host: Host | undefined = undefined;
  #tried: readonly Host[] = NONE;
  /** the last attempt was connected: the hosts tried are avoided, not ruled out */
  #mayReturn = false;
  #forward: Forward | undefined = undefined;
  #sentMs = 0;
  #latencyMs: number | undefined = undefined;
  readonly #allowance: RetryAllowance;
  readonly #hasBudget = () => this.#upstream.retryBudget.tryRepeat(this.timers.coarseMs());
  #isReused = false;
  #carrier: RequestCarrier | undefined = undefined;
  readonly #resends = new ResendAllowance();
  #version: HttpVersion;
  readonly #verdict: AnswerVerdict;
  #isOver = false;
  #requestTimer: Timer | undefined = undefined;
  #attemptTimer: Timer | undefined = undefined;
  #cancel: (() => void) | undefined = undefined;

  constructor(
    context: Context,
    exchange: Exchange,
    upstream: Upstream,
    backend: Backend,
    settings: RouteSettings,
  ) {
    this.#context = context;
    this.#exchange = exchange;
    this.#upstream = upstream;
    this.#backend = backend;
    this.#settings = settings;
    this.#version = exchange.version;
    this.#verdict = new AnswerVerdict(backend.outliers);
    this.#hash = backend.hash(exchange.head);
    this.#allowance = new RetryAllowance(backend.breaker, upstream.retryBudget);
    this.timers = context.timers;
    this.limits = context.limits;
  }

  get fallbackHost(): string {
    return this.#host?.name ?? '';
  }

  /** What another sidecar says in the mesh's name is true, what an app outside says is not. */
  get trustsMeshFields(): boolean {
    return this.#host?.endpoint.spiffeId !== undefined && this.#carrier?.isOpaque !== true;
  }

  get tunnelIdleMs(): number | undefined {
    const { idleTimeoutMs } = this.#settings;
    return idleTimeoutMs === -1 ? undefined : idleTimeoutMs;
  }

  start(): void {
    const { breaker } = this.#backend;
    const { idleTimeoutMs } = this.#settings;
    const nowMs = this.timers.coarseMs();
    if (!breaker.tryEnter(REQUESTS, nowMs)) return void this.#exchange.answer('circuit-open');
    this.#upstream.retryBudget.onRequest(nowMs);
    this.#exchange.onFinish(this);
    if (idleTimeoutMs !== -1) this.#exchange.setIdleTimeout(idleTimeoutMs);
    const requestTimeoutMs = deadlineMs(this.#exchange, this.#settings.requestTimeoutMs);
    if (requestTimeoutMs > 0) {
      this.#requestTimer = this.timers.after(requestTimeoutMs, () => this.#requestTimedOut());
    }
    if (this.#isOver) return;
    // HTTP/2 can say that nothing was done about a request, which may be sent again then, body and all
    const isKept = this.#exchange.version === 'http2' || this.#mayRetrySent();
    if (isKept && this.#exchange.head.framing.type !== 'none') this.replay = new ReplayBuffer();
    this.#attempt('no-endpoints', '');
  }

  // === one attempt ===

  /** `code` and `reason`: the answer if there is no host to try. */
  #attempt(code: ErrorCode, reason: string): void {
    const { hosts } = this.#backend;
    const nowMs = this.timers.coarseMs();
    let host = hosts.pick(nowMs, this.#hash, this.#tried);
    // one that answered may be asked again, when no other is usable
    if (host === undefined && this.#mayReturn) host = hosts.pick(nowMs, this.#hash, NONE);
    if (host === undefined) return void this.#exchange.answer(code, reason);
    hosts.started(host);
    this.#host = host;
    const { trail } = this.#exchange;
    trail.chosen = host;
    trail.endpoint = host.name;
    trail.attempts += 1;
    trail.encrypted = host.endpoint.spiffeId !== undefined;
    hosts.describe(trail);
    const idle = this.#idleConnection(host);
    if (idle === undefined) return void this.#connect(host);
    this.#isReused = true;
    this.#send(idle);
  }

  /** A request that could be repeated gets one only while repeating it is within the budget. */
  #idleConnection(host: Host): RequestCarrier | undefined {
    const version = this.#version;
    const pool = this.#backend.pool(host, version);
    // a connection that ends says so, and what it did not look at
    if (version === 'http2' || this.#upstream.retryBudget.mayRepeat || !mayRepeat(this.#exchange))
      return pool.take();
    pool.dropIdle();
    return undefined;
  }

  #connect(host: Host): void {
    this.#isReused = false;
    this.#cancel = this.#backend.pool(host, this.#version).connect((result) => this.#connected(host, result));
  }

  #connected(host: Host, result: Acquired): void {
    this.#cancel = undefined;
    if (this.#isOver) {
      if (result.ok) result.connection.release();
      return;
    }
    if (result.ok) {
      // one that was waited for may have been closed like an idle one
      this.#isReused = result.connection.sawResponse;
      return void this.#send(result.connection);
    }
    const { code, reason } = result;
    this.#exchange.trail.attemptFailed(host.name, code);
    this.#finishAttempt(undefined);
    this.#backend.outliers.onFailure(host, code, this.timers.coarseMs());
    this.#tried = [...this.#tried, host];
    this.#mayReturn = false;
    if (code === 'circuit-open' || !this.#retryConnect()) return void this.#exchange.answer(code, reason);
    this.#attempt(code, reason);
  }

  /** Elsewhere and at once: nothing was sent, whatever the method. */
  #retryConnect(): boolean {
    const { retry } = this.#settings;
    const mayTry =
      this.#tried.length < this.limits.maxConnectAttempts && this.#allowance.taken < retry.attempts;
    return mayTry && retry.mayRetryFailure('connect', false) && this.#takeRetry('connect');
  }

  #send(connection: RequestCarrier): void {
    const { replay } = this;
    if (this.#resends.isLost(replay)) {
      connection.destroy();
      return void this.#exchange.answer('upstream-reset', LOST_BODY);
    }
    const { attemptTimeoutMs } = this.#settings;
    this.#mayReturn = true;
    this.#sentMs = this.timers.nowMs();
    this.#exchange.trail.connectedMs = this.#sentMs;
    this.#carrier = connection;
    this.#forward = new Forward(this.#exchange, connection, this);
    if (attemptTimeoutMs > 0) {
      this.#attemptTimer = this.timers.after(attemptTimeoutMs, () => this.#attemptTimedOut());
    }
    this.#forward.start(replay === undefined || replay.sizeBytes === 0 ? undefined : replay.pieces);
  }

  // === what becomes of it ===

  onResponse(head: ResponseHead): boolean {
    const nowMs = this.timers.nowMs();
    if (this.#version !== this.#exchange.version) fromHttp1(head);
    this.#attemptTimer?.cancel();
    this.#latencyMs = nowMs - this.#sentMs;
    this.#exchange.trail.respondedMs = nowMs;
    const refusal = this.trustsMeshFields ? peerRefusal(head) : undefined;
    if (refusal !== undefined) {
      if (this.#refusedThere(refusal, nowMs)) return true;
    } else this.#verdict.onHead(this.#exchange, head, this.#host!, nowMs);
    const grpc = this.#exchange.protocol === 'grpc' ? grpcStatus(head.fields) : NO_GRPC_STATUS;
    if (this.#settings.retriesSent && this.#settings.retry.mayRetryStatus(head.status, grpc)) {
      if (this.#retrySent('status')) return true;
    }
    this.replay?.release();
    this.#settings.actions?.changeResponse?.(head.fields);
    return false;
  }

  /** A refusal says nothing of how quick the endpoint is; of a request that never came to the app, another may be asked. */
  #refusedThere(code: ErrorCode, nowMs: number): boolean {
    const host = this.#host!;
    this.#exchange.trail.peerError = code;
    this.#backend.outliers.onFailure(host, code, nowMs);
    if (UNSENT.has(code) && isWhole(this.#exchange, this.replay) && this.#retryElsewhere(host)) return true;
    if (UNSENT.has(code)) this.#latencyMs = undefined;
    return false;
  }

  /** At once and without its policy's leave: the app was sent nothing. */
  #retryElsewhere(host: Host): boolean {
    const others = this.#backend.hosts.hosts.length - this.#tried.length - 1;
    if (others < 1) return false;
    const tried = [...this.#tried, host];
    if (tried.length >= this.limits.maxConnectAttempts || !this.#retryConnect()) return false;
    this.#exchange.trail.attemptFailed(host.name, this.#exchange.trail.peerError);
    this.#finishAttempt(undefined);
    this.#tried = tried;
    this.#mayReturn = true;
    // not within the call that brings the response: its connection is still busy with it
    const timer = setImmediate(() => this.#again('connect'));
    this.#cancel = () => clearImmediate(timer);
    return true;
  }

  onFailed(
    code: ErrorCode,
    _reason: string,
    { sawResponse, isUnprocessed, refusesUpgrade }: RequestCarrier,
  ): boolean {
    const host = this.#host!;
    this.#attemptTimer?.cancel();
    if (refusesUpgrade && toHttp1(this.#exchange.head)) {
      this.#version = 'http1';
      this.#connect(host);
      return true;
    }
    if (isUnprocessed && !sawResponse && this.#resends.take(this.#exchange, this.replay, this.#hasBudget)) {
      this.#context.telemetry.retry('outbound', this.#upstream.destination, 'unprocessed');
      this.#exchange.trail.attempts += 1;
      this.#connect(host);
      return true;
    }
    if (this.#isReused && !sawResponse && this.#mayRepeat()) {
      // the idle connection had been closed under the request: once more, on a fresh one
      this.#context.telemetry.retry('outbound', this.#upstream.destination, 'reset');
      this.#exchange.trail.attempts += 1;
      this.#connect(host);
      return true;
    }
    this.#backend.outliers.onFailure(host, code, this.timers.coarseMs());
    if (this.#latencyMs !== undefined) return false;
    return !sawResponse && code === 'upstream-reset' && this.#retryFailure('reset');
  }

  #mayRepeat(): boolean {
    const { retriesSent, retry } = this.#settings;
    const mayTry = !retriesSent || this.#allowance.sentAgain < Math.max(1, retry.attempts);
    return mayTry && mayRepeat(this.#exchange) && this.#allowance.repeat(this.timers.coarseMs());
  }

  #attemptTimedOut(): void {
    const host = this.#host!;
    this.#forward?.giveUp();
    this.#latencyMs = this.timers.nowMs() - this.#sentMs;
    this.#backend.outliers.onFailure(host, 'timeout', this.timers.coarseMs());
    const reason = 'the attempt took too long';
    if (!this.#retryFailure('timeout')) this.#exchange.answer('timeout', reason);
  }

  #requestTimedOut(): void {
    this.#exchange.answer('timeout', 'the request took too long');
  }

  // === another attempt ===

  #mayRetrySent(): boolean {
    const { retry, retriesSent } = this.#settings;
    return retriesSent && retry.attempts > 0 && retry.isAllowed(this.#exchange.head.method);
  }

  #retryFailure(failure: AttemptFailure): boolean {
    return this.#settings.retry.mayRetryFailure(failure, true) && this.#retrySent(failure);
  }

  /** Of a request that was sent. */
  #retrySent(reason: 'status' | AttemptFailure): boolean {
    if (!this.#mayRetrySent() || !isWhole(this.#exchange, this.replay)) return false;
    if (this.#allowance.sentAgain >= this.#settings.retry.attempts || !this.#takeRetry(reason)) return false;
    const tried = this.#host!;
    this.#exchange.trail.attemptFailed(tried.name, reason);
    this.#finishAttempt(this.#latencyMs);
    this.#tried = this.#tried.length < this.#backend.hosts.hosts.length - 1 ? [...this.#tried, tried] : NONE;
    const waitMs = this.#settings.retry.backoffMs(this.#allowance.taken, this.#context.random);
    const timer = this.timers.after(waitMs, () => this.#again(reason));
    this.#cancel = () => timer.cancel();
    return true;
  }

  #again(reason: string): void {
    this.#cancel = undefined;
    if (!this.#isOver)
      this.#attempt(reason === 'timeout' ? 'timeout' : 'upstream-reset', 'no endpoint left to try');
  }

  #takeRetry(reason: string): boolean {
    if (!this.#allowance.take(this.timers.coarseMs())) return false;
    this.#context.telemetry.retry('outbound', this.#upstream.destination, reason);
    return true;
  }

  // === the end ===

  #finishAttempt(latencyMs: number | undefined): void {
    const host = this.#host;
    if (host === undefined) return;
    this.#host = undefined;
    this.#latencyMs = undefined;
    this.#backend.hosts.finished(host, this.timers.coarseMs(), latencyMs);
  }

  onExchangeFinished(): void {
    this.#isOver = true;
    this.#cancel?.();
    this.#requestTimer?.cancel();
    this.#attemptTimer?.cancel();
    this.#verdict.onEnd(this.#exchange, this.#host, this.timers.coarseMs());
    this.#finishAttempt(this.#latencyMs);
    this.#backend.breaker.leave(REQUESTS);
    this.#allowance.release();
    this.replay?.release();
  }
}

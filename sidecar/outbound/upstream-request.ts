import type { ErrorCode } from '../../api/errors.ts';
import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier } from '../http1/client-connection.ts';
import type { Exchange, FinishListener } from '../http1/exchange.ts';
import { isHeld, isWhole } from '../http1/forward.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { REQUESTS } from '../layers/circuit-breaker.ts';
import { NEVER } from '../layers/connect-pauses.ts';
import { deadlineMs, grpcStatus, NO_GRPC_STATUS } from '../layers/grpc.ts';
import type { AttemptFailure } from '../layers/retry-policy.ts';
import { isTranslatable } from '../layers/version.ts';
import { fromHttp1, toHttp1 } from '../layers/websocket.ts';
import type { DialFailure } from '../transport/dial.ts';
import type { Timer } from '../transport/timers.ts';
import { AnswerVerdict } from './answer-verdict.ts';
import type { Backend } from './backend.ts';
import { FurtherAttempts } from './further-attempts.ts';
import { peerRefusal, UNSENT } from './peer-refusal.ts';
import type { RouteSettings } from './route-settings.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamAttempt } from './upstream-attempt.ts';

/**
 * One request on its way to a destination: circuit breaker, request timeout, then attempts, each with a host,
 * a connection and a timeout of its own, as many as the retry policy and the budget allow.
 */
export class UpstreamRequest extends UpstreamAttempt implements FinishListener {
  readonly #further: FurtherAttempts;
  readonly #verdict: AnswerVerdict;
  #requestTimer: Timer | undefined = undefined;

  constructor(
    context: Context,
    exchange: Exchange,
    upstream: Upstream,
    backend: Backend,
    settings: RouteSettings,
  ) {
    super(context, exchange, upstream, backend, settings);
    this.#verdict = new AnswerVerdict(backend.outliers);
    const hash = backend.hash(exchange.head);
    this.#further = new FurtherAttempts(context, upstream, backend, settings, hash);
  }

  start(): void {
    const { breaker } = this.backend;
    const { idleTimeoutMs } = this.settings;
    const nowMs = this.timers.coarseMs();
    if (!breaker.tryEnter(REQUESTS, nowMs)) return void this.exchange.answer('circuit-open');
    this.upstream.retryBudget.onRequest(nowMs);
    this.#further.beganMs = nowMs;
    this.exchange.onFinish(this);
    if (idleTimeoutMs !== -1) this.exchange.setIdleTimeout(idleTimeoutMs);
    const requestTimeoutMs = deadlineMs(this.exchange, this.settings.requestTimeoutMs);
    if (requestTimeoutMs > 0) {
      this.#requestTimer = this.timers.after(requestTimeoutMs, () => this.#requestTimedOut());
    }
    if (this.isOver) return;
    // HTTP/2 can say that nothing was done about a request, which may be sent again then, body and all
    if (this.exchange.version === 'http2' || this.#further.mayRetrySent(this.exchange)) this.holdBody();
    const host = this.#further.pick();
    if (host === undefined) this.exchange.answer('no-endpoints', this.backend.nothingReady);
    else this.attempt(host);
  }

  // === nothing was sent ===

  override onNotConnected(host: Host, { code, reason }: DialFailure): void {
    this.exchange.trail.attemptFailed(host.name, code);
    this.finishAttempt(undefined);
    this.backend.outliers.onFailure(host, code, this.timers.coarseMs());
    this.#further.notConnected(host);
    if (code === 'circuit-open' || !this.#tryUnsent(code, reason)) this.exchange.answer(code, reason);
  }

  /** Whatever the method: elsewhere and at once, else anywhere after a pause. */
  #tryUnsent(code: ErrorCode, reason: string): boolean {
    const host = this.#further.elsewhere();
    if (host !== undefined) this.attempt(host);
    return host !== undefined || this.#pause(code, reason);
  }

  #pause(code: ErrorCode, reason: string): boolean {
    const waitMs = this.#further.pauseMs();
    if (waitMs === NEVER) return false;
    this.#wait(waitMs, () => {
      // whoever is there by now
      const host = this.#further.pickAnew();
      if (host !== undefined) this.attempt(host);
      else if (!this.#pause(code, reason)) this.exchange.answer(code, reason);
    });
    return true;
  }

  /** A refusal says nothing of how quick the endpoint is; of a request that never came to the app, another may be asked. */
  #refusedThere(code: ErrorCode, nowMs: number): boolean {
    const host = this.host!;
    this.exchange.trail.peerError = code;
    this.backend.outliers.onFailure(host, code, nowMs);
    if (!UNSENT.has(code)) return false;
    if (isHeld(this.exchange, this.replay) && this.#tryRefused(host, code)) return true;
    this.latencyMs = undefined;
    return false;
  }

  /** Without its policy's leave: the app was sent nothing. */
  #tryRefused(refusing: Host, code: ErrorCode): boolean {
    this.#further.notConnected(refusing);
    const host = this.#further.elsewhere();
    // one that has too much to do is not asked again
    const isWaited = host === undefined && code === 'connect-failure' && this.#pause(code, REFUSED);
    if (host === undefined && !isWaited) {
      // it was connected after all
      this.#further.connected();
      return false;
    }
    // what comes of its body meanwhile has to be held
    this.exchange.pauseRequest();
    this.exchange.trail.attemptFailed(refusing.name, code);
    this.exchange.trail.peerError = '';
    this.finishAttempt(undefined);
    // not within the call that brings the response: its connection is still busy with it
    if (host !== undefined) this.#soon(() => this.attempt(host));
    return true;
  }

  // === what becomes of what was sent ===

  override onConnected(): void {
    // another sidecar can say that its app is not there
    if (this.replay === undefined && this.forward === undefined && this.trustsMeshFields) this.holdBody();
    this.#further.connected();
  }

  override onResponse(head: ResponseHead): boolean {
    const nowMs = this.timers.nowMs();
    if (this.version !== this.exchange.version) fromHttp1(head);
    this.host!.version.answered(this.version);
    this.attemptTimer?.cancel();
    this.latencyMs = nowMs - this.sentMs;
    this.exchange.trail.respondedMs = nowMs;
    const refusal = this.trustsMeshFields ? peerRefusal(head) : undefined;
    if (refusal !== undefined) {
      if (this.#refusedThere(refusal, nowMs)) return true;
    } else this.#verdict.onHead(this.exchange, head, this.host!, nowMs);
    const grpc = this.exchange.protocol === 'grpc' ? grpcStatus(head.fields) : NO_GRPC_STATUS;
    if (this.settings.retriesSent && this.settings.retry.mayRetryStatus(head.status, grpc)) {
      if (this.#retrySent('status')) return true;
    }
    this.replay?.release();
    this.settings.actions?.changeResponse?.(head.fields);
    return false;
  }

  override onFailed(
    code: ErrorCode,
    _reason: string,
    { sawResponse, isUnprocessed, refusesUpgrade, spokeInstead }: RequestCarrier,
  ): boolean {
    const host = this.host!;
    this.attemptTimer?.cancel();
    if (spokeInstead !== undefined && this.#translate(host, spokeInstead)) return true;
    if (refusesUpgrade && toHttp1(this.exchange.head)) {
      this.version = 'http1';
      this.connect(host);
      return true;
    }
    if (isUnprocessed && !sawResponse && this.#further.resend(this.exchange, this.replay)) {
      this.exchange.trail.attempts += 1;
      this.connect(host);
      return true;
    }
    if (this.isReused && !sawResponse && this.#further.repeat(this.exchange)) {
      // the idle connection had been closed under the request: once more, on a fresh one
      this.exchange.trail.attempts += 1;
      this.connect(host);
      return true;
    }
    this.backend.outliers.onFailure(host, code, this.timers.coarseMs());
    if (this.latencyMs !== undefined) return false;
    return !sawResponse && code === 'upstream-reset' && this.#retryFailure('reset');
  }

  /** It takes the other version, and did nothing about the request in this one. */
  #translate(host: Host, version: HttpVersion): boolean {
    host.version.learn(version, this.timers.coarseMs());
    if (!isTranslatable(this.exchange) || !this.#further.resend(this.exchange, this.replay)) return false;
    this.version = version;
    this.connect(host);
    return true;
  }

  override onAttemptTimeout(): void {
    const host = this.host!;
    this.forward?.giveUp();
    this.backend.pool(host, this.version).distrust(this.sentMs);
    this.latencyMs = this.timers.nowMs() - this.sentMs;
    this.backend.outliers.onFailure(host, 'timeout', this.timers.coarseMs());
    const reason = 'the attempt took too long';
    if (!this.#retryFailure('timeout')) this.exchange.answer('timeout', reason);
  }

  #requestTimedOut(): void {
    this.#doubtSilent();
    this.exchange.answer('timeout', 'the request took too long');
  }

  /** Who is given up without a word of its own after so long may be gone. */
  #doubtSilent(): void {
    const { host } = this;
    const isAwaited = this.forward !== undefined && this.cancel === undefined && this.latencyMs === undefined;
    if (host === undefined || !isAwaited || this.timers.nowMs() - this.sentMs < SILENT_MS) return;
    this.backend.pool(host, this.version).distrust(this.sentMs);
  }

  #retryFailure(failure: AttemptFailure): boolean {
    return this.settings.retry.mayRetryFailure(failure, true) && this.#retrySent(failure);
  }

  #retrySent(reason: 'status' | AttemptFailure): boolean {
    const tried = this.host!;
    if (!isWhole(this.exchange, this.replay)) return false;
    const waitMs = this.#further.retrySentMs(this.exchange, reason, tried);
    if (waitMs === NEVER) return false;
    this.exchange.trail.attemptFailed(tried.name, reason);
    this.finishAttempt(this.latencyMs);
    this.#wait(waitMs, () => {
      const host = this.#further.pick();
      if (host !== undefined) this.attempt(host);
      else this.exchange.answer(reason === 'timeout' ? 'timeout' : 'upstream-reset', NOBODY_LEFT);
    });
    return true;
  }

  // === until then ===

  #wait(waitMs: number, next: () => void): void {
    const timer = this.timers.after(waitMs, () => {
      this.cancel = undefined;
      if (!this.isOver) next();
    });
    this.cancel = () => timer.cancel();
  }

  #soon(next: () => void): void {
    const soon = setImmediate(() => {
      this.cancel = undefined;
      if (!this.isOver) next();
    });
    this.cancel = () => clearImmediate(soon);
  }

  onExchangeFinished(): void {
    this.isOver = true;
    if (this.exchange.aborted) this.#doubtSilent();
    this.cancel?.();
    this.#requestTimer?.cancel();
    this.attemptTimer?.cancel();
    this.#verdict.onEnd(this.exchange, this.host, this.timers.coarseMs());
    this.finishAttempt(this.latencyMs);
    this.backend.breaker.leave(REQUESTS);
    this.#further.release();
    this.replay?.release();
  }
}

const SILENT_MS = 1_000;
const REFUSED = 'the app behind the endpoint cannot be connected';
const NOBODY_LEFT = 'no endpoint left to try';

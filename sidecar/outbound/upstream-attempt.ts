import type { ErrorCode } from '../../api/errors.ts';
import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier } from '../http1/client-connection.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import { Forward, type ForwardOwner, mayRepeat } from '../http1/forward.ts';
import type { Acquired } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { ReplayBuffer } from '../layers/replay-buffer.ts';
import { LOST_BODY } from '../layers/resend-allowance.ts';
import type { Limits } from '../limits.ts';
import type { DialFailure } from '../transport/dial.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import type { Backend } from './backend.ts';
import type { RouteSettings } from './route-settings.ts';
import type { Upstream } from './upstream.ts';

/**
 * The attempt that is under way for one request: a host, a connection to it, and a timeout of its own. What becomes of
 * it is for `UpstreamRequest` to judge, which makes them one after another.
 */
export abstract class UpstreamAttempt implements ForwardOwner {
  protected readonly context: Context;
  protected readonly exchange: Exchange;
  protected readonly upstream: Upstream;
  protected readonly backend: Backend;
  protected readonly settings: RouteSettings;
  readonly timers: Timers;
  readonly limits: Limits;
  replay: ReplayBuffer<Fields> | undefined = undefined;

  protected host: Host | undefined = undefined;
  protected forward: Forward | undefined = undefined;
  protected sentMs = 0;
  protected latencyMs: number | undefined = undefined;
  protected isReused = false;
  #carrier: RequestCarrier | undefined = undefined;
  protected version: HttpVersion;
  /** the request's end, which may come while a connection is made */
  protected isOver = false;
  protected attemptTimer: Timer | undefined = undefined;
  /** of what is waited for: a connection, or the time for another attempt */
  protected cancel: (() => void) | undefined = undefined;

  constructor(
    context: Context,
    exchange: Exchange,
    upstream: Upstream,
    backend: Backend,
    settings: RouteSettings,
  ) {
    this.context = context;
    this.exchange = exchange;
    this.upstream = upstream;
    this.backend = backend;
    this.settings = settings;
    this.version = exchange.version;
    this.timers = context.timers;
    this.limits = context.limits;
  }

  get fallbackHost(): string {
    return this.host?.name ?? '';
  }

  /** What another sidecar says in the mesh's name is true, what an app outside says is not. */
  get trustsMeshFields(): boolean {
    return this.host?.endpoint.spiffeId !== undefined && this.#carrier?.isOpaque !== true;
  }

  get tunnelIdleMs(): number | undefined {
    const { idleTimeoutMs } = this.settings;
    return idleTimeoutMs === -1 ? undefined : idleTimeoutMs;
  }

  protected attempt(host: Host): void {
    const { hosts } = this.backend;
    hosts.started(host);
    this.host = host;
    const { trail } = this.exchange;
    trail.chosen = host;
    trail.endpoint = host.name;
    trail.attempts += 1;
    trail.encrypted = host.endpoint.spiffeId !== undefined;
    hosts.describe(trail);
    this.version = this.backend.versionFor(this.exchange, this.version, host);
    const idle = this.#idleConnection(host);
    if (idle === undefined) return void this.connect(host);
    this.isReused = true;
    this.#send(idle);
  }

  /** A request that could be repeated gets one only while repeating it is within the budget. */
  #idleConnection(host: Host): RequestCarrier | undefined {
    const { version } = this;
    const pool = this.backend.pool(host, version);
    // a connection that ends says so, and what it did not look at
    if (version === 'http2' || this.upstream.retryBudget.mayRepeat || !mayRepeat(this.exchange))
      return pool.take();
    pool.dropIdle();
    return undefined;
  }

  protected connect(host: Host): void {
    this.isReused = false;
    this.cancel = this.backend.pool(host, this.version).connect((result) => this.#connected(host, result));
  }

  #connected(host: Host, result: Acquired): void {
    this.cancel = undefined;
    if (this.isOver) {
      if (result.ok) result.connection.release();
      return;
    }
    if (!result.ok) return void this.onNotConnected(host, result);
    // one that was waited for may have been closed like an idle one
    this.isReused = result.connection.sawResponse;
    this.#send(result.connection);
  }

  #send(connection: RequestCarrier): void {
    if (this.forward !== undefined && this.replay?.overflowed === true) {
      connection.destroy();
      return void this.exchange.answer('upstream-reset', LOST_BODY);
    }
    this.#carrier = connection;
    this.onConnected();
    const { replay } = this;
    this.sentMs = this.timers.nowMs();
    this.exchange.trail.connectedMs = this.sentMs;
    this.forward = new Forward(this.exchange, connection, this);
    const { attemptTimeoutMs } = this.settings;
    if (attemptTimeoutMs > 0) {
      this.attemptTimer = this.timers.after(attemptTimeoutMs, () => this.onAttemptTimeout());
    }
    this.forward.start(replay === undefined || replay.sizeBytes === 0 ? undefined : replay.pieces);
  }

  /** Before anything of a body is sent: what is kept of it can be sent again. */
  protected holdBody(): void {
    if (this.exchange.head.framing.type !== 'none') this.replay = new ReplayBuffer();
  }

  /** `latencyMs` undefined: it says nothing of how quick the host is. */
  protected finishAttempt(latencyMs: number | undefined): void {
    const { host } = this;
    if (host === undefined) return;
    this.host = undefined;
    this.latencyMs = undefined;
    this.backend.hosts.finished(host, this.timers.coarseMs(), latencyMs);
  }

  abstract onNotConnected(host: Host, failure: DialFailure): void;
  /** Nothing was sent over the connection yet. */
  abstract onConnected(): void;
  abstract onAttemptTimeout(): void;
  abstract onResponse(head: ResponseHead): boolean;
  abstract onFailed(code: ErrorCode, reason: string, connection: RequestCarrier): boolean;
}

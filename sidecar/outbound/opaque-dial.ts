import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import { connectPauseMs, NEVER } from '../layers/connect-pauses.ts';
import type { Trail } from '../layers/trail.ts';
import type { Channel } from '../transport/channel.ts';
import type { Dial, DialFailure, DialResult } from '../transport/dial.ts';
import type { EndpointConnector } from './endpoint-connector.ts';
import type { Upstream } from './upstream.ts';

export interface OpaqueDialOptions {
  readonly context: Context;
  readonly connector: EndpointConnector;
  readonly upstream: Upstream;
  readonly trail: Trail;
  readonly onHost: (host: Host) => void;
}

/**
 * A connection that is not parsed, to one of the hosts. A host that cannot be connected has been sent nothing,
 * so the next one may be tried whatever is spoken, and all of them again after a pause.
 */
export function opaqueDial(options: OpaqueDialOptions): Dial {
  return (done) => {
    const attempts = new OpaqueAttempts(options, done);
    attempts.next({ ok: false, code: 'no-endpoints', reason: options.upstream.own.nothingReady });
    return () => attempts.cancel();
  };
}

const NONE: readonly Host[] = [];

class OpaqueAttempts {
  readonly #options: OpaqueDialOptions;
  readonly #done: (result: DialResult) => void;
  readonly #beganMs: number;
  #tried = NONE;
  #pauses = 0;
  #cancelDial = () => {};
  #dialling: Host | undefined;

  constructor(options: OpaqueDialOptions, done: (result: DialResult) => void) {
    this.#options = options;
    this.#done = done;
    this.#beganMs = options.context.timers.nowMs();
  }

  next(failure: DialFailure): void {
    const { context, connector, upstream, trail } = this.#options;
    const { own } = upstream;
    const nowMs = context.timers.nowMs();
    const mayTry = this.#tried.length < context.limits.maxConnectAttempts;
    const host = mayTry ? own.hosts.pick(nowMs, own.hash(undefined), this.#tried) : undefined;
    if (host === undefined) return void this.#pause(failure);
    if (!own.tryConnect()) return void this.#done(CIRCUIT_OPEN);
    if (trail.attempts > 0) context.telemetry.retry('outbound', upstream.destination, 'connect');
    own.hosts.started(host);
    trail.attempts += 1;
    trail.endpoint = host.name;
    this.#dialling = host;
    this.#cancelDial = connector.opaque(
      host.endpoint,
      own.connectTimeoutMs,
    )((result) => this.#dialled(host, result));
  }

  /** All refused it: those that are there by then may take it. */
  #pause(failure: DialFailure): void {
    const { timers, random, limits } = this.#options.context;
    const nowMs = timers.nowMs();
    const waitMs = connectPauseMs(this.#pauses, this.#beganMs + limits.connectAgainMs - nowMs, random);
    const isNew = failure.code === 'no-endpoints';
    if (isNew || waitMs === NEVER || !this.#options.upstream.retryBudget.tryRetry(nowMs))
      return void this.#done(failure);
    this.#pauses += 1;
    this.#tried = NONE;
    const timer = timers.after(waitMs, () => this.next(failure));
    this.#cancelDial = () => timer.cancel();
  }

  #dialled(host: Host, result: DialResult): void {
    const { upstream, context } = this.#options;
    this.#dialling = undefined;
    if (!result.ok) {
      this.#finished(host);
      upstream.own.outliers.onFailure(host, result.code, context.timers.nowMs());
      this.#tried = [...this.#tried, host];
      return void this.next(result);
    }
    upstream.own.outliers.onResult(host, true, context.timers.nowMs());
    this.#follow(host, result.channel);
    const { trail, onHost } = this.#options;
    trail.encrypted = host.endpoint.spiffeId !== undefined;
    onHost(host);
    this.#done(result);
  }

  /** The host has a connection more for as long as it is open. */
  #follow(host: Host, channel: Channel): void {
    channel.onClosed(() => this.#finished(host));
  }

  #finished(host: Host): void {
    const { upstream, context } = this.#options;
    upstream.own.hosts.finished(host, context.timers.nowMs(), undefined);
    upstream.own.disconnected();
    upstream.own.offer();
  }

  cancel(): void {
    this.#cancelDial();
    if (this.#dialling !== undefined) this.#finished(this.#dialling);
    this.#dialling = undefined;
  }
}

const CIRCUIT_OPEN: DialFailure = { ok: false, code: 'circuit-open', reason: 'too many connections' };

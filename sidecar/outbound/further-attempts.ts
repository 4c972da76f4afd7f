import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import { mayRepeat } from '../http1/forward.ts';
import { connectPauseMs, NEVER } from '../layers/connect-pauses.ts';
import type { ReplayBuffer } from '../layers/replay-buffer.ts';
import { ResendAllowance } from '../layers/resend-allowance.ts';
import { RetryAllowance } from '../layers/retry-allowance.ts';
import type { AttemptFailure } from '../layers/retry-policy.ts';
import type { Backend } from './backend.ts';
import type { RouteSettings } from './route-settings.ts';
import type { Upstream } from './upstream.ts';

const NONE: readonly Host[] = [];

/**
 * Whether one request may be tried again, after which wait and where: what its policy, the budget of its destination and
 * the hosts it has been to allow. What may be sent again at all is for the caller to know. True, a host, or a wait: it
 * was taken from what is allowed, and counted.
 */
export class FurtherAttempts {
  readonly #context: Context;
  readonly #upstream: Upstream;
  readonly #backend: Backend;
  readonly #settings: RouteSettings;
  readonly #hash: number;
  /** monotonic */
  beganMs = 0;
  readonly #allowance: RetryAllowance;
  readonly #resends = new ResendAllowance();
  #tried: readonly Host[] = NONE;
  /** the last attempt was connected: the hosts tried are avoided, not ruled out */
  #mayReturn = false;
  #pauses = 0;

  constructor(context: Context, upstream: Upstream, backend: Backend, settings: RouteSettings, hash: number) {
    this.#context = context;
    this.#upstream = upstream;
    this.#backend = backend;
    this.#settings = settings;
    this.#hash = hash;
    this.#allowance = new RetryAllowance(backend.breaker, upstream.retryBudget);
  }

  /** One that was not tried; undefined: none is usable. */
  pick(): Host | undefined {
    const { hosts } = this.#backend;
    const nowMs = this.#context.timers.coarseMs();
    const host = hosts.pick(nowMs, this.#hash, this.#tried);
    // one that answered may be asked again, when no other is usable
    return host === undefined && this.#mayReturn ? hosts.pick(nowMs, this.#hash, NONE) : host;
  }

  /** Any may be asked again, if there is no other. */
  pickAnew(): Host | undefined {
    this.#mayReturn = true;
    return this.pick();
  }

  // === nothing was sent ===

  notConnected(host: Host): void {
    this.#tried = [...this.#tried, host];
    this.#mayReturn = false;
  }

  /** At once, whatever the method. */
  elsewhere(): Host | undefined {
    const { retry } = this.#settings;
    const { limits } = this.#context;
    const mayTry = this.#tried.length < limits.maxConnectAttempts && this.#allowance.taken < retry.attempts;
    if (!mayTry || !retry.mayRetryFailure('connect', false)) return undefined;
    const host = this.pick();
    return host !== undefined && this.#take('connect') ? host : undefined;
  }

  /** When no other is left: before any is tried again, or NEVER. */
  pauseMs(): number {
    const { retry, retriesSent } = this.#settings;
    // a policy's attempts are all there are
    if (retry.attempts === 0 || (retriesSent && this.#allowance.taken >= retry.attempts)) return NEVER;
    const { timers, random, limits } = this.#context;
    const leftMs = this.beganMs + limits.connectAgainMs - timers.coarseMs();
    const waitMs = connectPauseMs(this.#pauses, leftMs, random);
    if (waitMs === NEVER || !this.#take('connect')) return NEVER;
    this.#pauses += 1;
    return waitMs;
  }

  // === it was sent ===

  connected(): void {
    this.#mayReturn = true;
  }

  /** Once, for an idle connection that had been closed under it. */
  repeat(exchange: Exchange): boolean {
    const { retriesSent, retry } = this.#settings;
    const mayTry = !retriesSent || this.#allowance.sentAgain < Math.max(1, retry.attempts);
    if (!mayTry || !mayRepeat(exchange) || !this.#allowance.repeat(this.#context.timers.coarseMs()))
      return false;
    this.#count('reset');
    return true;
  }

  /** Of which the endpoint says that it did nothing about it. */
  resend(exchange: Exchange, replay: ReplayBuffer<Fields> | undefined): boolean {
    const { retryBudget } = this.#upstream;
    const hasBudget = () => retryBudget.tryRepeat(this.#context.timers.coarseMs());
    if (!this.#resends.take(exchange, replay, hasBudget)) return false;
    this.#count('unprocessed');
    return true;
  }

  /** Whether the policy has a request of this method sent again. */
  mayRetrySent({ head }: Exchange): boolean {
    const { retry, retriesSent } = this.#settings;
    return retriesSent && retry.attempts > 0 && retry.isAllowed(head.method);
  }

  /** `waitMs` of what the policy has sent again after `host`, or NEVER. */
  retrySentMs(exchange: Exchange, reason: 'status' | AttemptFailure, host: Host): number {
    const { retry } = this.#settings;
    if (!this.mayRetrySent(exchange) || this.#allowance.sentAgain >= retry.attempts) return NEVER;
    if (!this.#take(reason)) return NEVER;
    this.#tried = this.#tried.length < this.#backend.hosts.hosts.length - 1 ? [...this.#tried, host] : NONE;
    return retry.backoffMs(this.#allowance.taken, this.#context.random);
  }

  #take(reason: string): boolean {
    if (!this.#allowance.take(this.#context.timers.coarseMs())) return false;
    this.#count(reason);
    return true;
  }

  #count(reason: string): void {
    this.#context.telemetry.retry('outbound', this.#upstream.destination, reason);
  }

  /** The request is over. */
  release(): void {
    this.#allowance.release();
  }
}

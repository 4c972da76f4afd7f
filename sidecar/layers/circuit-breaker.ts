import type { CircuitBreakerPolicy } from '../../api/destination-traffic.ts';

/** What is limited; the index of its counters. */
export const CONNECTIONS = 0;
export const PENDING_REQUESTS = 1;
export const REQUESTS = 2;
export const RETRIES = 3;
export type Limited = typeof CONNECTIONS | typeof PENDING_REQUESTS | typeof REQUESTS | typeof RETRIES;
export const LIMITED_NAMES = ['connections', 'pendingRequests', 'requests', 'retries'] as const;

/**
 * Without a policy: what the sidecar accepts of connections in the first place, so that it bounds memory and
 * is no limit of the destination. Retries are bounded by their budget already.
 */
const DEFAULT_LIMIT = 10_000;

export interface CircuitState {
  readonly name: (typeof LIMITED_NAMES)[number];
  readonly active: number;
  readonly limit: number;
  /** ever */
  readonly refused: number;
  /** when it refused first since there was room; 0: closed */
  readonly openSinceMs: number;
}

/**
 * How much of one destination this sidecar uses at the same time. Whoever is refused gets `circuit-open`
 * (api/errors.ts) at once instead of waiting behind a destination that does not keep up; nothing is queued
 * here. Every successful `tryEnter` needs its one `leave`, on all ways out.
 */
export class CircuitBreaker {
  readonly #active = new Int32Array(LIMITED_NAMES.length);
  readonly #limits = new Int32Array(LIMITED_NAMES.length);
  readonly #refused = new Float64Array(LIMITED_NAMES.length);
  readonly #openSinceMs = new Float64Array(LIMITED_NAMES.length);

  constructor(policy: CircuitBreakerPolicy | undefined) {
    this.update(policy);
  }

  /** Lower limits turn nobody out: what is above them ends by itself, and nothing enters before. */
  update(policy: CircuitBreakerPolicy | undefined): void {
    this.#limits[CONNECTIONS] = policy?.maxConnections ?? DEFAULT_LIMIT;
    this.#limits[PENDING_REQUESTS] = policy?.maxPendingRequests ?? DEFAULT_LIMIT;
    this.#limits[REQUESTS] = policy?.maxRequests ?? DEFAULT_LIMIT;
    this.#limits[RETRIES] = policy?.maxRetries ?? DEFAULT_LIMIT;
    for (let limited = 0; limited < LIMITED_NAMES.length; limited++) this.#closeIfRoom(limited as Limited);
  }

  tryEnter(limited: Limited, nowMs: number): boolean {
    if (this.#active[limited]! < this.#limits[limited]!) {
      this.#active[limited]! += 1;
      return true;
    }
    this.#refused[limited]! += 1;
    if (this.#openSinceMs[limited] === 0) this.#openSinceMs[limited] = nowMs;
    return false;
  }

  /** One too many is ignored: a counter below zero would let more in than the limit, for good. */
  leave(limited: Limited): void {
    if (this.#active[limited]! > 0) this.#active[limited]! -= 1;
    this.#closeIfRoom(limited);
  }

  active(limited: Limited): number {
    return this.#active[limited]!;
  }

  /** since when it refuses; 0: it does not */
  openSinceMs(limited: Limited): number {
    return this.#openSinceMs[limited]!;
  }

  /** For metrics and the admin's view; allocates. */
  states(): CircuitState[] {
    return LIMITED_NAMES.map((name, limited) => ({
      name,
      active: this.#active[limited]!,
      limit: this.#limits[limited]!,
      refused: this.#refused[limited]!,
      openSinceMs: this.#openSinceMs[limited]!,
    }));
  }

  #closeIfRoom(limited: Limited): void {
    if (this.#active[limited]! < this.#limits[limited]!) this.#openSinceMs[limited] = 0;
  }
}

import type { RetryPolicy } from '../../api/destination-traffic.ts';

export type AttemptFailure = 'connect' | 'reset' | 'timeout';

const DEFAULT_ATTEMPTS = 2;
const DEFAULT_BACKOFF_BASE_MS = 25;
/** like Envoy's: the longest wait is ten times the shortest */
const DEFAULT_BACKOFF_MAX_FACTOR = 10;
const LAST_STATUS = 599;
const GRPC_UNAVAILABLE = 14;

/**
 * What may be attempted again, decided once when the configuration arrives and asked once per failed attempt.
 * A further attempt of a request that was sent needs two answers: `isAllowed(method)` and one of
 * `mayRetryStatus` and `mayRetryFailure`; one of a request of which nothing was sent needs `mayRetryFailure`
 * alone. The caller sees to the rest: `attempts`, the budget, the replay buffer, and that no byte of an answer
 * went downstream.
 */
export class CompiledRetryPolicy {
  /** further attempts after the first, of every kind together; 0: none at all, as the policy says */
  readonly attempts: number;
  readonly #retriedStatus: Uint8Array;
  readonly #retriesReset: boolean;
  readonly #retriesTimeout: boolean;
  readonly #retriesGrpcUnavailable: boolean;
  readonly #retriesNonIdempotent: boolean;
  readonly #backoffBaseMs: number;
  readonly #backoffMaxMs: number;

  constructor(policy: RetryPolicy | undefined) {
    this.attempts = policy?.attempts ?? DEFAULT_ATTEMPTS;
    this.#retriedStatus = retriedStatuses(policy);
    this.#retriesReset = retriesSilence(policy, 502);
    this.#retriesTimeout = retriesSilence(policy, 504);
    this.#retriesGrpcUnavailable = policy?.conditions.includes('GrpcUnavailable') ?? false;
    this.#retriesNonIdempotent = policy?.nonIdempotent ?? false;
    this.#backoffBaseMs = policy?.backoffBaseMs ?? DEFAULT_BACKOFF_BASE_MS;
    this.#backoffMaxMs = policy?.backoffMaxMs ?? this.#backoffBaseMs * DEFAULT_BACKOFF_MAX_FACTOR;
  }

  /** `grpcStatus`: of an answer that is trailers only; otherwise the answer has begun and it is too late. */
  mayRetryStatus(status: number, grpcStatus: number | undefined): boolean {
    if (this.attempts === 0) return false;
    if (grpcStatus === GRPC_UNAVAILABLE && this.#retriesGrpcUnavailable) return true;
    return this.#retriedStatus[status] === 1;
  }

  /**
   * Of which nothing was sent may always be tried elsewhere, whatever the method and the conditions. An
   * attempt timeout counts like a reset under Reset, ServerError and GatewayError (as in Envoy, where all
   * three cover an upstream that does not answer; Gateway API GEP-1731 wants timeouts retried too), or when
   * the status the caller would see is listed in `codes`: 502 for a reset, 504 for a timeout.
   */
  mayRetryFailure(failure: AttemptFailure, requestWasSent: boolean): boolean {
    if (this.attempts === 0) return false;
    if (!requestWasSent || failure === 'connect') return true;
    return failure === 'reset' ? this.#retriesReset : this.#retriesTimeout;
  }

  /** RFC 9110 9.2.2; methods are case-sensitive (9.1), and an unknown one promises nothing. */
  isAllowed(method: string): boolean {
    return this.#retriesNonIdempotent || isIdempotent(method);
  }

  /**
   * How long to wait before the n-th further attempt (`attempt` counts from 1): anywhere between the base,
   * which Gateway API makes the least, and base · 2ⁿ, at most the maximum. `random` is in [0, 1). An attempt
   * at another endpoint after a failed connect has nothing to wait for and may skip it.
   */
  backoffMs(attempt: number, random: () => number): number {
    const maxMs = this.#backoffMaxMs;
    const leastMs = Math.min(this.#backoffBaseMs, maxMs);
    const mostMs = Math.min(this.#backoffBaseMs * 2 ** attempt, maxMs);
    return leastMs + random() * (mostMs - leastMs);
  }
}

/** Without a policy only what is always safe is tried again: a request of which nothing was sent. */
export function compileRetryPolicy(policy: RetryPolicy | undefined): CompiledRetryPolicy {
  return new CompiledRetryPolicy(policy);
}

export function isIdempotent(method: string): boolean {
  switch (method) {
    case 'GET':
    case 'HEAD':
    case 'PUT':
    case 'DELETE':
    case 'OPTIONS':
    case 'TRACE':
      return true;
    default:
      return false;
  }
}

function retriedStatuses(policy: RetryPolicy | undefined): Uint8Array {
  const retried = new Uint8Array(LAST_STATUS + 1);
  for (const code of policy?.codes ?? []) retried[code] = 1;
  if (policy?.conditions.includes('ServerError')) retried.fill(1, 500);
  if (policy?.conditions.includes('GatewayError')) retried.fill(1, 502, 505);
  return retried;
}

function retriesSilence(policy: RetryPolicy | undefined, statusInstead: number): boolean {
  if (policy === undefined) return false;
  const { conditions, codes = [] } = policy;
  return (
    conditions.includes('Reset') ||
    conditions.includes('ServerError') ||
    conditions.includes('GatewayError') ||
    codes.includes(statusInstead)
  );
}

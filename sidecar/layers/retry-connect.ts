import type { Balancer } from '../outbound/legacy-round-robin.ts';
import type { DialFailure } from '../transport/dial.ts';
import type { Trail } from './trail.ts';

export interface ConnectOptions<E, C> {
  readonly balancer: Balancer<E>;
  readonly maxAttempts: number;
  readonly trail: Trail;
  readonly nameOf: (endpoint: E) => string;
  /** Calls back once; returns what cancels. */
  readonly connect: (
    endpoint: E,
    done: (result: ({ readonly ok: true } & C) | DialFailure) => void,
  ) => () => void;
  readonly onRetry: () => void;
}
export type Connected<E, C> = ({ readonly ok: true; readonly endpoint: E } & C) | DialFailure;

/**
 * An endpoint that cannot be connected has been sent nothing, so the next one may be tried whatever the
 * request is. Ends with the last failure, or `no-endpoints` when there was nothing to try.
 */
export function connectWithRetry<E, C extends object>(
  options: ConnectOptions<E, C>,
  done: (result: Connected<E, C>) => void,
): () => void {
  const { balancer, maxAttempts, trail } = options;
  const tried = new Set<E>();
  let cancel = () => {};
  let cancelled = false;
  const attempt = (failure: DialFailure) => {
    if (cancelled) return;
    const endpoint = tried.size < maxAttempts ? balancer.pick(tried) : undefined;
    if (endpoint === undefined) return done(failure);
    if (tried.size > 0) options.onRetry();
    tried.add(endpoint);
    trail.attempts += 1;
    trail.endpoint = options.nameOf(endpoint);
    cancel = options.connect(endpoint, (result) => {
      if (result.ok) done({ ...result, endpoint });
      else attempt(result);
    });
  };
  attempt({ ok: false, code: 'no-endpoints', reason: '' });
  return () => {
    cancelled = true;
    cancel();
  };
}

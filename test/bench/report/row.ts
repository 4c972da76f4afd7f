import type { Spread } from './quantile.ts';

/** One candidate on one hop: medians of the repeats. A figure that does not apply to the hop is absent. */
export interface Row {
  readonly hop: string;
  readonly candidate: string;
  /** CPU time of the proxy, microseconds a request (a connection, on handshake hops) */
  readonly cpuUsPerRequest?: number;
  /**
   * To nginx (HAProxy for opaque bytes) in the same round: CPU time per request for hops of small requests and handshakes, bytes per CPU
   * second for bodies (so more is better there), see `ratioOf`.
   */
  readonly ratio?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly rssMb?: number;
  readonly pssMb?: number;
  readonly ratioOf?: RatioOf;
  readonly cpuSpread?: Spread;
  readonly ratioSpread?: Spread;
  /** requests that failed, over all repeats */
  readonly errors?: number;
  readonly reason?: string;
  /** figures that only some hops have, such as added latency */
  readonly more?: Readonly<Record<string, number>>;
}

export type RatioOf =
  | 'CPU per request, to nginx plaintext'
  | 'CPU per request, to nginx on this hop'
  | 'bytes per CPU second, to nginx on this hop'
  | 'bytes per CPU second, to HAProxy on this hop'
  | 'CPU per request, to the smallest';

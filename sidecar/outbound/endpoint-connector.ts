import type { Endpoint } from '../../api/destination.ts';
import { ALPN } from '../../api/names.ts';
import type { Context } from '../context.ts';
import { Pool, type PoolBudget } from '../http1/pool.ts';
import { type Dial, dialPlain } from '../transport/dial.ts';

/** How endpoints are reached: with mTLS and only with mTLS when their identity is known, else in plaintext. */
export class EndpointConnector {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  opaque(endpoint: Endpoint, timeoutMs: number): Dial {
    return this.#dial(endpoint, ALPN.tcp, timeoutMs);
  }

  http(endpoint: Endpoint, timeoutMs: number): Dial {
    return this.#dial(endpoint, ALPN.http1, timeoutMs);
  }

  /** An address that is given to another workload is another endpoint, and gets another pool. */
  pool(endpoint: Endpoint, connectTimeoutMs: () => number, budget: PoolBudget): Pool {
    const { pools, limits, timers } = this.#context;
    return new Pool(pools, {
      dial: (done) => this.http(endpoint, connectTimeoutMs())(done),
      limits,
      timers,
      idleMs: endpoint.spiffeId === undefined ? limits.appIdleMs : limits.meshIdleMs,
      budget,
    });
  }

  #dial({ address, port, spiffeId }: Endpoint, alpn: string, timeoutMs: number): Dial {
    const { timers, mtlsClient } = this.#context;
    const to = { host: address, port, timeoutMs, timers };
    if (spiffeId === undefined) return dialPlain(to);
    return mtlsClient.dial({ ...to, alpn, spiffeId });
  }
}

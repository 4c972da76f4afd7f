import type { Endpoint } from '../../api/destination.ts';
import { ALPN } from '../../api/names.ts';
import type { Context } from '../context.ts';
import type { Pool } from '../http1/pool.ts';
import { type Dial, dialPlain } from '../transport/dial.ts';

/** How endpoints are reached: with mTLS and only with mTLS when their identity is known, else in plaintext. */
export class EndpointConnector {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  opaque(endpoint: Endpoint): Dial {
    return this.#dial(endpoint, ALPN.tcp);
  }

  /** The key holds the identity: an address that is given to another workload gets another pool. */
  pool(endpoint: Endpoint): Pool {
    const { pools, limits, timers } = this.#context;
    return pools.get(`${nameOf(endpoint)}|${endpoint.spiffeId ?? ''}`, () => ({
      dial: this.#dial(endpoint, ALPN.http1),
      limits,
      timers,
      idleMs: endpoint.spiffeId === undefined ? limits.appIdleMs : limits.meshIdleMs,
    }));
  }

  #dial(endpoint: Endpoint, alpn: string): Dial {
    const { limits, timers, mtlsClient } = this.#context;
    const to = { host: endpoint.address, port: endpoint.port, timeoutMs: limits.connectTimeoutMs, timers };
    if (endpoint.spiffeId === undefined) return dialPlain(to);
    return mtlsClient.dial({ ...to, alpn, spiffeId: endpoint.spiffeId });
  }
}

export function nameOf({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

import type { Endpoint } from '../../api/destination.ts';
import { ALPN } from '../../api/names.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import { Pool, type PoolBudget, type RequestPool } from '../http1/pool.ts';
import { Http2Pool } from '../http2/pool.ts';
import type { Channel } from '../transport/channel.ts';
import { type Dial, type DialResult, dialPlain } from '../transport/dial.ts';
import type { StreamHandle } from '../transport/runtime.ts';

const NOBODY_ELSE = () => {};

/** How endpoints are reached: with mTLS and only with mTLS when their identity is known, else in plaintext. */
export class EndpointConnector {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  opaque(endpoint: Endpoint, timeoutMs: number): Dial {
    return this.#dial(endpoint, ALPN.tcp, timeoutMs);
  }

  http1(endpoint: Endpoint, timeoutMs: number, onDead?: () => void): Dial {
    return this.#dial(endpoint, ALPN.http1, timeoutMs, onDead);
  }

  /** An endpoint that does not know HTTP/2 in the mesh takes it as the bytes it is. */
  http2(endpoint: Endpoint, timeoutMs: number, onDead?: () => void): Dial {
    return this.#dial(endpoint, ALPN.http2, timeoutMs, onDead, ALPN.tcp);
  }

  /** An address that is given to another workload is another endpoint, and gets another pool. */
  pool(
    version: HttpVersion,
    endpoint: Endpoint,
    connectTimeoutMs: () => number,
    budget: PoolBudget,
  ): RequestPool {
    const { pools, limits, timers } = this.#context;
    const onDead = () => pool.distrust(timers.nowMs() - limits.deadPeerMs);
    const options = {
      dial: (done: (result: DialResult) => void) => this[version](endpoint, connectTimeoutMs(), onDead)(done),
      limits,
      timers,
      idleMs: endpoint.spiffeId === undefined ? limits.appIdleMs : limits.meshIdleMs,
      budget,
    };
    const pool = version === 'http2' ? new Http2Pool(pools, options) : new Pool(pools, options);
    return pool;
  }

  #dial(
    { address, port, spiffeId }: Endpoint,
    alpn: string,
    timeoutMs: number,
    onDead: () => void = NOBODY_ELSE,
    fallbackAlpn?: string,
  ): Dial {
    const { timers, mtlsClient, deadPeers } = this.#context;
    const onConnected = (handle: StreamHandle, channel: Channel) => deadPeers.watch(handle, channel, onDead);
    const to = { host: address, port, timeoutMs, timers, onConnected };
    if (spiffeId === undefined) return dialPlain(to);
    return mtlsClient.dial({ ...to, alpn, spiffeId, ...(fallbackAlpn && { fallbackAlpn }) });
  }
}

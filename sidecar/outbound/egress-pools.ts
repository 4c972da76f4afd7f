import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import { Pool, type RequestPool } from '../http1/pool.ts';
import { Http2Pool } from '../http2/pool.ts';
import { type Dial, dialPlain } from '../transport/dial.ts';
import { hostPort, type SocketAddress } from '../transport/socket-address.ts';

/** What the requests of one connection of the app are sent on to where it was going. */
export class EgressPools {
  readonly #context: Context;
  readonly #original: SocketAddress;
  /** `address:port` */
  readonly name: string;
  readonly #pools: Record<HttpVersion, RequestPool | undefined> = { http1: undefined, http2: undefined };
  /** the name that was verified in the TLS handshake; empty: plaintext */
  #tlsName = '';

  constructor(context: Context, original: SocketAddress) {
    this.#context = context;
    this.#original = original;
    this.name = hostPort(original);
  }

  /** Of one name at a time: an app that mixes hosts on one connection pays with new connections. */
  get(tlsName: string, version: HttpVersion): RequestPool {
    if (this.#tlsName !== tlsName) this.#rename(tlsName);
    this.#pools[version] ??= this.#pool(tlsName, version);
    return this.#pools[version];
  }

  #rename(tlsName: string): void {
    this.retire();
    this.#pools.http1 = this.#pools.http2 = undefined;
    this.#tlsName = tlsName;
  }

  /** Idle connections go, busy ones end with what they carry. */
  retire(): void {
    this.#pools.http1?.retire();
    this.#pools.http2?.retire();
  }

  #pool(tlsName: string, version: HttpVersion): RequestPool {
    const { pools, limits, timers } = this.#context;
    const options = { dial: this.#dial(tlsName, version), limits, timers, idleMs: limits.appIdleMs };
    const scheme = tlsName === '' ? 'http' : 'https';
    return version === 'http2' ? new Http2Pool(pools, { ...options, scheme }) : new Pool(pools, options);
  }

  #dial(tlsName: string, version: HttpVersion): Dial {
    const { limits, timers, tlsClient } = this.#context;
    const { address, port } = this.#original;
    const to = { host: address, port, timers };
    if (tlsName === '') return dialPlain({ ...to, timeoutMs: limits.connectTimeoutMs });
    // several round trips over the internet
    return tlsClient.dial({ ...to, timeoutMs: limits.handshakeTimeoutMs, serverName: tlsName, version });
  }
}

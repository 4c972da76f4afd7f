import type { Exchange } from './http1/exchange.ts';
import { ServerConnection as Http1ServerConnection, type ServerOptions } from './http1/server-connection.ts';
import { ServerConnection as Http2ServerConnection } from './http2/server-connection.ts';
import type { Channel } from './transport/channel.ts';

/** What requests come in. gRPC is HTTP/2. */
export type HttpVersion = 'http1' | 'http2';

/** The client's end of a connection that carries requests. */
export interface HttpServer {
  /** requests that became tunnels, as which they were let in, and are open */
  readonly tunnels: Iterable<Exchange>;
  /** `initial`: bytes read before the protocol was known. */
  start(initial: Buffer): void;
  /** No further request: it ends with those that are under way, or on their way unless there is no last call. */
  drain(hasLastCall?: boolean): void;
  /** Other limits than the sidecar's own, from now on. An idle timeout of 0 is none. */
  setLimits(maxHeaderBytes: number, idleTimeoutMs: number): void;
}

export function httpServer(version: HttpVersion, channel: Channel, options: ServerOptions): HttpServer {
  return version === 'http2'
    ? new Http2ServerConnection(channel, options)
    : new Http1ServerConnection(channel, options);
}

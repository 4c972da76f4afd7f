import type { TestContext } from 'node:test';
import {
  ClientConnection as Http1ClientConnection,
  type RequestCarrier,
} from '../http1/client-connection.ts';
import type { Exchange } from '../http1/exchange.ts';
import { Forward, type ForwardOwner } from '../http1/forward.ts';
import { ServerConnection as Http1ServerConnection } from '../http1/server-connection.ts';
import { DEFAULT_LIMITS } from '../limits.ts';
import { serveChannels } from '../testing/channels.ts';
import { dialPlain } from '../transport/dial.ts';
import { TimerWheel } from '../transport/timers.ts';
import { ClientConnection } from './client-connection.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limits.ts';
import { ServerConnection } from './server-connection.ts';

export interface Hop {
  readonly port: number;
  readonly exchanges: Exchange[];
  readonly upstreams: ClientConnection[];
  readonly refused: string[];
  /** `code reason` of requests that got no response */
  readonly failed: string[];
}

export interface HopOptions {
  readonly from?: 'http1' | 'http2';
  readonly to?: 'http1' | 'http2';
  readonly http2?: Partial<Http2Limits>;
}

const timers = new TimerWheel();

/** A proxy without any policy between HTTP/1 and HTTP/2 in any combination, made of the codecs and http1's way between them. */
export async function startHop(t: TestContext, upstreamPort: number, options: HopOptions = {}): Promise<Hop> {
  const hop: Hop = { port: 0, exchanges: [], upstreams: [], refused: [], failed: [] };
  const http2 = { ...DEFAULT_HTTP2_LIMITS, ...options.http2 };
  /** What the endpoint says it did not look at is sent again. */
  const send = (exchange: Exchange, connection: ClientConnection) => {
    sendOver(exchange, connection.open());
  };
  const sendOver = (exchange: Exchange, connection: RequestCarrier) => {
    const owner: ForwardOwner = {
      timers,
      limits: DEFAULT_LIMITS,
      fallbackHost: 'nobody',
      trustsMeshFields: true,
      replay: undefined,
      onResponse: () => false,
      onFailed: (code, reason, { isUnprocessed }) => {
        if (isUnprocessed && exchange.head.framing.type === 'none') {
          forward(exchange);
          return true;
        }
        hop.failed.push(`${code} ${reason}`);
        return false;
      },
    };
    new Forward(exchange, connection, owner).start(undefined);
  };
  const forward = (exchange: Exchange) => {
    const free = hop.upstreams.find(({ hasRoom }) => hasRoom);
    if (free !== undefined) return send(exchange, free);
    dialPlain({ host: '127.0.0.1', port: upstreamPort, timeoutMs: 2_000, timers })((result) => {
      if (!result.ok) return exchange.answer(result.code, result.reason);
      if (options.to === 'http1') {
        const done = (connection: Http1ClientConnection) => connection.destroy();
        const owner = { onReleased: done, onClosed: () => {} };
        return sendOver(exchange, new Http1ClientConnection(result.channel, owner, DEFAULT_LIMITS));
      }
      const connection = new ClientConnection(result.channel, {
        limits: DEFAULT_LIMITS,
        http2,
        timers,
        scheme: 'http',
        owner: { onRoom: () => {}, onRetired: () => {}, onClosed: () => {} },
      });
      hop.upstreams.push(connection);
      send(exchange, connection);
    });
  };
  const handler = (exchange: Exchange) => {
    hop.exchanges.push(exchange);
    forward(exchange);
  };
  const shared = {
    limits: DEFAULT_LIMITS,
    timers,
    handler,
    isDraining: () => false,
    onRefused: (code: string, reason: string) => void hop.refused.push(`${code}: ${reason}`),
  };
  const server = await serveChannels((channel) => {
    const connection =
      options.from === 'http1'
        ? new Http1ServerConnection(channel, shared)
        : new ServerConnection(channel, { ...shared, http2 });
    connection.start(Buffer.alloc(0));
  });
  t.after(async () => {
    for (const upstream of hop.upstreams) upstream.destroy();
    await server.close();
  });
  return { ...hop, port: server.port };
}

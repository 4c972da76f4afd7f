import type { TestContext } from 'node:test';
import type { Exchange, HttpHandler } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { Framing } from '../http1/framing.ts';
import { ResponseHead } from '../http1/response-head.ts';
import { DEFAULT_LIMITS, type Limits } from '../limits.ts';
import { serveChannels } from '../testing/channels.ts';
import { type Timers, TimerWheel } from '../transport/timers.ts';
import { HeaderFields } from './header-fields.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limits.ts';
import { ServerConnection } from './server-connection.ts';

export interface Served {
  readonly port: number;
  readonly connections: ServerConnection[];
  readonly refused: string[];
  readonly exchanges: Exchange[];
}

export interface ServeOptions {
  readonly limits?: Partial<Limits>;
  readonly http2?: Partial<Http2Limits>;
  readonly timers?: Timers;
  readonly isDraining?: () => boolean;
}

/** The server's end on a free port, for as long as the test runs. */
export async function serve(
  t: TestContext,
  handler: HttpHandler,
  options: ServeOptions = {},
): Promise<Served> {
  const connections: ServerConnection[] = [];
  const refused: string[] = [];
  const exchanges: Exchange[] = [];
  const timers = options.timers ?? new TimerWheel();
  const server = await serveChannels((channel) => {
    const connection = new ServerConnection(channel, {
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      http2: { ...DEFAULT_HTTP2_LIMITS, ...options.http2 },
      timers,
      isDraining: options.isDraining ?? (() => false),
      onRefused: (code, reason) => refused.push(`${code}: ${reason}`),
      handler: (exchange) => {
        exchanges.push(exchange);
        handler(exchange);
      },
    });
    connections.push(connection);
    connection.start(Buffer.alloc(0));
  });
  t.after(() => server.close());
  return { port: server.port, connections, refused, exchanges };
}

export function response(status: number, framing: Framing = { type: 'chunked', length: 0 }): ResponseHead {
  return new ResponseHead(status, '', new HeaderFields(), framing, {});
}

/** Answers with `text` when the request has ended. */
export function answer(text = 'hello'): HttpHandler {
  return (exchange) => {
    whole(exchange, () => {
      exchange.respond(response(200, { type: 'length', length: text.length }));
      exchange.respondBody(Buffer.from(text));
      exchange.respondEnd(undefined);
    });
  };
}

/** Reads all of a request. */
export function whole(exchange: Exchange, done: (body: Buffer, trailers: Fields | undefined) => void): void {
  const pieces: Buffer[] = [];
  exchange.receive({
    onRequestBody: (data) => pieces.push(Buffer.from(data)),
    onRequestEnd: (trailers) => done(Buffer.concat(pieces), trailers),
    onRequestAborted: () => {},
    onResponseDrained: () => {},
  });
}

import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Fields, Version } from './versions.ts';
import type { TestServer } from './wire.ts';

/** A request as an app of another make read it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Fields;
  readonly body: string;
  readonly trailers: Fields;
  /** counts from 1 */
  readonly turn: number;
  /** gRPC: OK, or trailers only with the status that says the same. */
  answer(status: number, body?: string, headers?: Record<string, string | string[]>): void;
  /** The head and a part of the body, and never the rest. */
  begin(part: string): Answering;
  /** Of HTTP/2 the stream, else the connection. */
  cut(): void;
}

/** An answer that has begun. */
export interface Answering {
  write(part: string): void;
  end(part?: string): void;
}

export interface VersionServer extends TestServer {
  readonly seen: Seen[];
  /** of HTTP/2 */
  readonly sessions: http2.ServerHttp2Session[];
}

/** of HTTP/2 what node:http2 can be told besides */
export interface ServeOptions extends http2.ServerOptions {
  readonly port?: number;
  /** hands requests over when their head is there, without their body */
  readonly isEarly?: boolean;
}

/** node:http or node:http2 as the app: requests are handed over when they are complete. */
export async function serveVersion(
  version: Version,
  respond: (seen: Seen) => void = (seen) => seen.answer(200, 'done'),
  { port = 0, isEarly = false, ...options }: ServeOptions = {},
): Promise<VersionServer> {
  const accepted: Socket[] = [];
  const seen: Seen[] = [];
  const sessions: http2.ServerHttp2Session[] = [];
  const came = (request: Seen) => {
    seen.push(request);
    respond(request);
  };
  const turn = () => seen.length + 1;
  const server =
    version === 'http1'
      ? http.createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
          serve1(request, response, isEarly, turn, came),
        )
      : http2.createServer(options);
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) =>
    serve2(version, stream, headers, isEarly, turn, came),
  );
  server.on('session', (session: http2.ServerHttp2Session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  server.on('connection', (socket: Socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const session of sessions) session.destroy();
      for (const socket of accepted) socket.destroy();
    });
  return { port: (server.address() as AddressInfo).port, accepted, seen, sessions, close };
}

function serve1(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  isEarly: boolean,
  turn: () => number,
  came: (seen: Seen) => void,
): void {
  let body = '';
  request.setEncoding('latin1').on('data', (piece: string) => {
    body += piece;
  });
  request.on('error', () => {});
  const hand = () =>
    came({
      ...{ method: request.method ?? '', path: request.url ?? '', host: request.headers.host ?? '' },
      ...{ headers: request.headers, body, trailers: request.trailers, turn: turn() },
      answer: (status, text = '', headers = {}) =>
        response.writeHead(status, { 'Content-Length': text.length, ...headers }).end(text, 'latin1'),
      begin: (part) => {
        response.writeHead(200).write(part, 'latin1');
        return response;
      },
      cut: () => request.socket.destroy(),
    });
  if (isEarly) hand();
  else request.once('end', hand);
}

function serve2(
  version: Version,
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  isEarly: boolean,
  turn: () => number,
  came: (seen: Seen) => void,
): void {
  let body = '';
  let trailers: Fields = {};
  stream.on('error', () => {});
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  stream.setEncoding('latin1').on('data', (piece: string) => {
    body += piece;
  });
  const begin = (part: string) => {
    stream.respond({ ':status': 200, ...(version === 'grpc' && GRPC_HEAD) });
    stream.write(part, 'latin1');
    return stream;
  };
  const answer = (status: number, text = '', more: Record<string, string | string[]> = {}) => {
    if (stream.destroyed) return;
    if (version === 'grpc') return answerGrpc(stream, status, text, more);
    stream.respond({ ':status': status, ...more });
    stream.end(text, 'latin1');
  };
  const hand = () => {
    // one that was reset ends too
    if (stream.aborted || stream.destroyed) return;
    came({
      ...{
        method: headers[':method'] ?? '',
        path: headers[':path'] ?? '',
        host: headers[':authority'] ?? '',
      },
      ...{ headers, body, trailers, turn: turn(), answer, begin },
      // with an error: `close` would end the body before
      cut: () => void stream.destroy(new Error('cut')),
    });
  };
  if (isEarly) hand();
  else stream.once('end', hand);
}

function answerGrpc(
  stream: http2.ServerHttp2Stream,
  status: number,
  text: string,
  more: Record<string, string | string[]>,
): void {
  const head = { ':status': 200, ...GRPC_HEAD, ...more };
  const failure = GRPC_STATUS_OF[status];
  if (failure !== undefined) {
    return void stream.respond({ ...head, 'grpc-status': `${failure}` }, { endStream: true });
  }
  stream.respond(head, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(text, 'latin1');
}

const GRPC_HEAD = { 'content-type': 'application/grpc' };

/** The status by which an app of gRPC says what it says by one of HTTP. */
export const GRPC_STATUS_OF: Readonly<Record<number, number>> = { 429: 8, 500: 13, 501: 12, 503: 14, 504: 4 };

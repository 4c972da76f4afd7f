import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { TestServer } from './wire.ts';

/** What requests come in; gRPC is HTTP/2 with fields and trailers of its own. */
export const VERSIONS = ['http1', 'http2', 'grpc'] as const;
export type Version = (typeof VERSIONS)[number];

type Fields = Record<string, string | string[] | number | undefined>;

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
}

export interface Answered {
  readonly status: number;
  /** of the mesh, in `weft-error` */
  readonly code: string | undefined;
  /** of trailers, or of the head when there are none */
  readonly grpcStatus: number | undefined;
  readonly headers: Fields;
  readonly trailers: Fields;
  readonly body: string;
}

/** One request over a connection of its own. */
export function ask(version: Version, port: number, asked: Asked = {}): Promise<Answered> {
  return version === 'http1' ? askHttp1(port, asked) : askHttp2(version, port, asked);
}

function answered(status: number, headers: Fields, trailers: Fields, body: string): Answered {
  const grpc = trailers['grpc-status'] ?? headers['grpc-status'];
  return {
    status,
    code: headers['weft-error'] as string | undefined,
    grpcStatus: grpc === undefined ? undefined : Number(grpc),
    headers,
    trailers,
    body,
  };
}

function askHttp1(
  port: number,
  { method = 'GET', path = '/', host = 'api', headers, body }: Asked,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const fields = { host, connection: 'close', ...headers };
    const request = http.request({ port, host: '127.0.0.1', method, path, headers: fields, agent: false });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (piece: string) => {
        text += piece;
      });
      response.once('end', () => {
        resolve(answered(response.statusCode ?? 0, response.headers, response.trailers, text));
      });
      response.once('error', reject);
    });
    request.end(body);
  });
}

async function askHttp2(version: Version, port: number, asked: Asked): Promise<Answered> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const failed = new Promise<never>((_resolve, reject) => session.once('error', reject));
  failed.catch(() => {});
  try {
    return await Promise.race([askOn(session, asked, version), failed]);
  } finally {
    session.destroy();
  }
}

/** One request of many over the same connection. */
export function askOn(
  session: http2.ClientHttp2Session,
  { method, path = '/', host = 'api', headers, body }: Asked,
  version: Version = 'http2',
): Promise<Answered> {
  const own = version === 'grpc' ? { 'content-type': 'application/grpc', te: 'trailers' } : {};
  const stream = session.request(
    {
      ':method': method ?? (version === 'grpc' ? 'POST' : 'GET'),
      ':path': path,
      ':authority': host,
      ...headers,
      ...own,
    },
    { endStream: false },
  );
  stream.end(body);
  return answerOf(stream);
}

/** Rejects when it is reset before its end. */
export function answerOf(stream: http2.ClientHttp2Stream): Promise<Answered> {
  return new Promise((resolve, reject) => {
    let text = '';
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.setEncoding('latin1').on('data', (piece: string) => {
      text += piece;
    });
    stream.once('end', () => resolve(answered(Number(head[':status']), head, trailers, text)));
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
  });
}

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
  /** gRPC: OK, or UNAVAILABLE for a 5xx. */
  answer(status: number, body?: string, headers?: Record<string, string>): void;
  /** Of HTTP/2 the stream, else the connection. */
  cut(): void;
}

export interface VersionServer extends TestServer {
  readonly seen: Seen[];
  /** of HTTP/2 */
  readonly sessions: http2.ServerHttp2Session[];
}

/** node:http or node:http2 as the app: requests are handed over when they are complete. */
export async function serveVersion(
  version: Version,
  respond: (seen: Seen) => void = (seen) => seen.answer(200, 'done'),
  options: http2.ServerOptions = {},
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
          serve1(request, response, turn, came),
        )
      : http2.createServer(options);
  server.on('stream', (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) =>
    serve2(version, stream, headers, turn, came),
  );
  server.on('session', (session: http2.ServerHttp2Session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  server.on('connection', (socket: Socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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
  turn: () => number,
  came: (seen: Seen) => void,
): void {
  let body = '';
  request.setEncoding('latin1').on('data', (piece: string) => {
    body += piece;
  });
  request.on('error', () => {});
  request.once('end', () =>
    came({
      ...{ method: request.method ?? '', path: request.url ?? '', host: request.headers.host ?? '' },
      ...{ headers: request.headers, body, trailers: request.trailers, turn: turn() },
      answer: (status, text = '', headers = {}) =>
        response.writeHead(status, { 'Content-Length': text.length, ...headers }).end(text, 'latin1'),
      cut: () => request.socket.destroy(),
    }),
  );
}

function serve2(
  version: Version,
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
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
  const answer = (status: number, text = '', more: Record<string, string> = {}) => {
    if (stream.destroyed) return;
    if (version === 'grpc') return answerGrpc(stream, status, text, more);
    stream.respond({ ':status': status, ...more });
    stream.end(text, 'latin1');
  };
  stream.once('end', () => {
    // one that was reset ends too
    if (stream.aborted || stream.destroyed) return;
    came({
      ...{
        method: headers[':method'] ?? '',
        path: headers[':path'] ?? '',
        host: headers[':authority'] ?? '',
      },
      ...{ headers, body, trailers, turn: turn(), answer },
      cut: () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR),
    });
  });
}

function answerGrpc(
  stream: http2.ServerHttp2Stream,
  status: number,
  text: string,
  more: Record<string, string>,
): void {
  const head = { ':status': 200, 'content-type': 'application/grpc', ...more };
  if (status >= 500) return void stream.respond({ ...head, 'grpc-status': '14' }, { endStream: true });
  stream.respond(head, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(text, 'latin1');
}

import assert from 'node:assert/strict';
import http from 'node:http';
import http2 from 'node:http2';
import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { GRPC_STATUS_OF } from './version-server.ts';

export { type Seen, type ServeOptions, serveVersion, type VersionServer } from './version-server.ts';

/** What requests come in; gRPC is HTTP/2 with fields and trailers of its own. */
export const VERSIONS = ['http1', 'http2', 'grpc'] as const;
export type Version = (typeof VERSIONS)[number];

export type Fields = Record<string, string | string[] | number | undefined>;

/** `method`: GET, of gRPC POST, unless given */
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

// === what was answered ===

/** That it is the mesh's answer, as its table says; in gRPC in trailers only. */
export function assertError(version: Version, answer: Answered, code: ErrorCode): void {
  const { httpStatus, grpcStatus, message } = ERRORS[code];
  assert.equal(answer.code, code);
  if (version !== 'grpc') {
    return void assert.deepEqual([answer.status, JSON.parse(answer.body).error], [httpStatus, code]);
  }
  assert.deepEqual([answer.status, answer.grpcStatus, answer.body], [200, grpcStatus, '']);
  assert.equal(answer.headers['content-type'], 'application/grpc');
  assert.equal(answer.headers['grpc-message'], message);
  assert.deepEqual(answer.trailers, {});
}

/** The HTTP status that says the same, of whatever version the answer is. */
export function statusOf(version: Version, answer: Answered): number {
  if (answer.code !== undefined) {
    assertError(version, answer, answer.code as ErrorCode);
    return ERRORS[answer.code as ErrorCode].httpStatus;
  }
  const same = Object.entries(GRPC_STATUS_OF).find(([, status]) => status === answer.grpcStatus);
  return version === 'grpc' && same !== undefined ? Number(same[0]) : answer.status;
}

// === asking ===

/** A request under way. */
export interface Begun {
  /** rejects when it is cut before its end */
  readonly answer: Promise<Answered>;
  /** of the answer's body, so far */
  text(): string;
  /** a piece of the request's body */
  write(piece: string): void;
  end(piece?: string): void;
  /** Goes away: resets its stream of HTTP/2, else the connection. */
  leave(): void;
}

/** A connection, made for the first request, that carries one request after the other. */
export interface Client {
  /** Its body is to come. */
  begin(asked?: Asked): Begun;
  ask(asked?: Asked): Promise<Answered>;
  close(): void;
}

export function openClient(version: Version, port: number, keepsAlive = true): Client {
  return version === 'http1' ? http1Client(port, keepsAlive) : http2Client(version, port);
}

/** Of requests one after another over one client. */
export async function statuses(version: Version, port: number, count: number): Promise<number[]> {
  const client = openClient(version, port);
  const seen: number[] = [];
  for (let request = 0; request < count; request += 1) seen.push(statusOf(version, await client.ask()));
  client.close();
  return seen;
}

/** One request over a connection of its own. */
export async function ask(version: Version, port: number, asked: Asked = {}): Promise<Answered> {
  const client = openClient(version, port, false);
  try {
    return await client.ask(asked);
  } finally {
    client.close();
  }
}

/** A whole request over a connection of its own, which is under way. */
export function begin(version: Version, port: number, asked: Asked = {}): Begun {
  const client = openClient(version, port, false);
  const begun = client.begin(asked);
  begun.end(asked.body);
  // it may well fail where nobody looks
  void begun.answer.catch(() => {}).finally(() => client.close());
  return begun;
}

function http1Client(port: number, keepsAlive: boolean): Client {
  const agent = keepsAlive && new http.Agent({ keepAlive: true, maxSockets: 1 });
  const begin = (asked: Asked = {}) => {
    const { method = 'GET', path = '/', host = 'api', headers } = asked;
    const to = { port, host: '127.0.0.1', method, path, agent };
    const request = http.request({ ...to, headers: { host, ...headers } });
    // as it is: node writes it in capitals
    request.method = method;
    return begunOn(request);
  };
  return {
    begin,
    ask: (asked = {}) => {
      const { answer, end } = begin(asked);
      end(asked.body);
      return answer;
    },
    close: () => (agent === false ? undefined : agent.destroy()),
  };
}

function begunOn(request: http.ClientRequest): Begun {
  let text = '';
  const answer = new Promise<Answered>((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      response.setEncoding('latin1').on('data', (piece: string) => {
        text += piece;
      });
      response.once('end', () => {
        resolve(answered(response.statusCode ?? 0, response.headers, response.trailers, text));
      });
      response.once('error', reject);
    });
  });
  return {
    ...{ answer, text: () => text },
    write: (piece) => void request.write(piece, 'latin1'),
    end: (piece) => void request.end(piece, 'latin1'),
    leave: () => request.socket?.resetAndDestroy(),
  };
}

/** Fields come as often as a test says, as over HTTP/1.1; the types know it of servers only. */
const AS_OFTEN_AS_ASKED: http2.ServerSessionOptions & http2.ClientSessionOptions = {
  strictSingleValueFields: false,
};

function http2Client(version: Version, port: number): Client {
  const session = http2.connect(`http://127.0.0.1:${port}`, AS_OFTEN_AS_ASKED);
  const failed = new Promise<never>((_resolve, reject) => {
    session.once('error', reject);
    session.once('close', () => reject(new Error('the connection is closed')));
  });
  failed.catch(() => {});
  return {
    begin: (asked = {}) => {
      const leaving = new AbortController();
      const options = { endStream: false, signal: leaving.signal };
      return begunOf(requestOn(session, asked, version, options), failed, leaving);
    },
    ask: (asked) => Promise.race([askOn(session, asked ?? {}, version), failed]),
    close: () => session.destroy(),
  };
}

/** `leaving`: a reset with CANCEL; the stream's own `close` would end the body before. */
function begunOf(stream: http2.ClientHttp2Stream, failed: Promise<never>, leaving: AbortController): Begun {
  let text = '';
  stream.on('data', (piece: string) => {
    text += piece;
  });
  return {
    ...{ answer: Promise.race([answerOf(stream), failed]), text: () => text },
    write: (piece) => void stream.write(piece, 'latin1'),
    end: (piece) => void stream.end(piece, 'latin1'),
    leave: () => leaving.abort(),
  };
}

/** One request of many over the same connection. */
export function askOn(
  session: http2.ClientHttp2Session,
  asked: Asked,
  version: Version = 'http2',
): Promise<Answered> {
  // calls of gRPC end with a frame of their own
  const endStream = version !== 'grpc' && asked.body === undefined;
  const stream = requestOn(session, asked, version, { endStream });
  if (!endStream) stream.end(asked.body, 'latin1');
  return answerOf(stream);
}

function requestOn(
  session: http2.ClientHttp2Session,
  { method, path = '/', host = 'api', headers }: Asked,
  version: Version,
  options: http2.ClientSessionRequestOptions,
): http2.ClientHttp2Stream {
  const own = version === 'grpc' ? { 'content-type': 'application/grpc', te: 'trailers' } : {};
  const pseudo = {
    ':method': method ?? (version === 'grpc' ? 'POST' : 'GET'),
    ...{ ':path': path, ':authority': host },
  };
  return session.request({ ...pseudo, ...headers, ...own }, options);
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
    stream.once('end', () => {
      // one that was reset may end, too
      if (stream.rstCode === 0) resolve(answered(Number(head[':status']), head, trailers, text));
    });
    stream.once('error', reject);
    stream.once('close', () => reject(new Error(`closed with ${stream.rstCode}`)));
  });
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

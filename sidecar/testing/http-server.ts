import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestServer } from './wire.ts';

/** A request as a server of another make read it, and how it may be answered. */
export interface Served {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly trailers: IncomingMessage['trailers'];
  readonly socket: Socket;
  /** counts from 1 */
  readonly turn: number;
  answer(status: number, body?: string): void;
}

export interface HttpTestServer extends TestServer {
  /** `METHOD path` of every request that came whole */
  readonly seen: string[];
}

/** node:http as the endpoint: requests are handed over when they are complete. */
export async function serveRequests(respond: (request: Served) => void, port = 0): Promise<HttpTestServer> {
  const accepted: Socket[] = [];
  const seen: string[] = [];
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void wholeBody(request).then((body) => {
      if (body === undefined) return;
      seen.push(`${request.method} ${request.url}`);
      respond(served(request, response, body, seen.length));
    });
  });
  server.on('connection', (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    accepted,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Undefined: it was cut. */
function wholeBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => resolve(body));
    request.on('close', () => resolve(undefined));
    request.on('error', () => {});
  });
}

function served(request: IncomingMessage, response: ServerResponse, body: string, turn: number): Served {
  return {
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    body,
    trailers: request.trailers,
    socket: request.socket,
    turn,
    answer: (status, text = '') => response.writeHead(status, { 'Content-Length': text.length }).end(text),
  };
}

/** A port on which nobody listens. */
export async function deadPort(): Promise<number> {
  const server = await serveRequests(() => {});
  await server.close();
  return server.port;
}

import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';

/** An app of node:http or node:http2 that streams. */
export interface HttpApp {
  readonly port: number;
  /** Says this to everybody who waits at /events. */
  emit(text: string): void;
  stop(): Promise<void>;
}

/**
 * `/hello`; `/echo`: the body back as it comes, in pieces, with its length in the trailer `x-bytes`; `/events`: what
 * `emit` is told.
 */
class App {
  readonly waiting = new Set<http.ServerResponse>();

  serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    request.on('error', () => {});
    response.on('error', () => {});
    if (request.url === '/echo') return void this.#echo(request, response);
    if (request.url === '/events') return void this.#wait(response);
    response.setHeader('x-version', request.httpVersion);
    response.end('hello');
  }

  #echo(request: http.IncomingMessage, response: http.ServerResponse): void {
    let bytes = 0;
    response.writeHead(200, { trailer: 'x-bytes' });
    response.flushHeaders();
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (response.write(piece)) return;
      request.pause();
      response.once('drain', () => request.resume());
    });
    request.on('end', () => {
      response.addTrailers({ 'x-bytes': String(bytes) });
      response.end();
    });
  }

  #wait(response: http.ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    this.waiting.add(response);
    response.on('close', () => this.waiting.delete(response));
  }
}

async function start(create: (app: App) => http.Server | http2.Http2Server): Promise<HttpApp> {
  const app = new App();
  const server = create(app);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    emit: (text) => {
      for (const response of app.waiting) response.write(text);
    },
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** node:http2 has the interface of node:http (Compatibility API), if not its types. */
export const HTTP_APPS: Readonly<Record<'HTTP/1.1' | 'HTTP/2', () => Promise<HttpApp>>> = {
  'HTTP/1.1': () =>
    start((app) =>
      http.createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) =>
        app.serve(request, response),
      ),
    ),
  'HTTP/2': () =>
    start((app) => http2.createServer((request, response) => app.serve(request as never, response as never))),
};

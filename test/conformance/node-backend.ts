import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Backend, digestOf, type SeenRequest } from './seen-request.ts';

/** Node's own HTTP server. */
export async function startNodeBackend(): Promise<Backend> {
  const seen: SeenRequest[] = [];
  const record = (request: IncomingMessage, body: Buffer) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, target: url, host: headers.host ?? '', body: digestOf(body) });
  };
  const server = http.createServer({ maxHeaderSize: 128 * 1024, keepAliveTimeout: 60_000 });
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      record(request, Buffer.concat(parts));
      response.end('ok');
    });
  };
  server.on('request', handle);
  server.on('checkExpectation', handle);
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    record(request, Buffer.alloc(0));
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    name: 'node',
    port: (server.address() as AddressInfo).port,
    seen: () => Promise.resolve(seen),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

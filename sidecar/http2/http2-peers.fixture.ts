import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type HopOptions, startHop } from './hop.fixture.ts';

type Handler = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

export async function upstream(
  t: TestContext,
  onStream: Handler,
  options: http2.ServerOptions = {},
): Promise<number> {
  const server = http2.createServer(options);
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export async function client(
  t: TestContext,
  onStream: Handler,
  options: HopOptions = {},
  server: http2.ServerOptions = {},
) {
  const hop = await startHop(t, await upstream(t, onStream, server), options);
  const session = http2.connect(`http://127.0.0.1:${hop.port}`);
  session.on('error', () => {});
  t.after(() => session.destroy());
  return { hop, session };
}

export interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}
export function read(stream: http2.ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    let headers: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on('response', (got) => {
      headers = got;
    });
    stream.on('trailers', (got) => {
      trailers = got;
    });
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('end', () => resolve({ headers, trailers, body: Buffer.concat(pieces) }));
    stream.on('error', reject);
  });
}
/** Sends back what came, and its trailers. */
export const echo: Handler = (stream, headers) => {
  const { ':method': _, ':path': __, ':scheme': ___, ':authority': ____, ...rest } = headers;
  stream.respond({ ':status': 200, ...rest }, { waitForTrailers: true });
  let trailers: http2.IncomingHttpHeaders = {};
  stream.on('trailers', (got) => {
    trailers = got;
  });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.pipe(stream);
};

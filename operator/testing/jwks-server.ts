import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createTestAuthority } from '../../test/fixtures/certificate-authority.ts';

export const HOST = 'id.example';

export interface JwksServer {
  readonly uri: string;
  readonly port: number;
  /** PEM of who issued its certificate */
  readonly root: string;
  /** how many requests it got */
  readonly requests: () => number;
  readonly connections: () => number;
}

/** An https server on loopback whose certificate is that of `id.example`; closed after the test. */
export async function serveJwks(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  dns: readonly string[] = [HOST],
): Promise<JwksServer> {
  const authority = await createTestAuthority();
  const { certificate, privateKey } = await authority.issue({ dns, uris: [] });
  let requests = 0;
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    requests += 1;
    answer(request, response);
  });
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    ...{ uri: `https://${HOST}:${port}/jwks`, port, root: authority.root },
    requests: () => requests,
    connections: () => connections,
  };
}

export function answerJson(value: unknown, headers: Readonly<Record<string, string>> = {}) {
  return (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(value));
  };
}

import { createServer, type Server } from 'node:http';

/**
 * Plain HTTP for the kubelet: `/healthz` answers while the process does, `/readyz` while `whyNotReady` says
 * nothing stands in the way.
 */
export function createHealthServer(whyNotReady: () => Promise<string | undefined>): Server {
  const server = createServer((request, response) => {
    const answer = (code: number, text: string) => {
      response.writeHead(code, { 'content-type': 'text/plain' }).end(`${text}\n`);
    };
    if (request.url === '/healthz') answer(200, 'ok');
    else if (request.url === '/readyz') {
      whyNotReady().then(
        (reason) => answer(reason === undefined ? 200 : 503, reason ?? 'ok'),
        () => answer(503, 'not known'),
      );
    } else answer(404, 'only /healthz and /readyz');
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  server.maxConnections = 100;
  return server;
}

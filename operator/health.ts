import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthOptions {
  readonly isReady: () => boolean;
  readonly metrics: () => Readonly<Record<string, number>>;
}

/** `/healthz`, `/readyz` (200 once the mesh is known) and `/metrics`, in plaintext: nothing here is secret. */
export class HealthServer {
  readonly #server: Server;

  constructor({ isReady, metrics }: HealthOptions) {
    this.#server = createServer({ requestTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => {
      const [status, body] = answer(request.url ?? '', isReady, metrics);
      response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(request.method === 'HEAD' ? undefined : body);
    });
    this.#server.maxConnections = 64;
  }

  /** @param host undefined: all addresses */
  listen(host: string | undefined, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host }, () => resolve(this.#server.address() as AddressInfo));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}

function answer(
  url: string,
  isReady: () => boolean,
  metrics: () => Readonly<Record<string, number>>,
): [number, string] {
  if (url === '/healthz') return [200, 'ok\n'];
  if (url === '/readyz') return isReady() ? [200, 'ready\n'] : [503, 'starting\n'];
  if (url === '/metrics') return [200, exposition(metrics())];
  return [404, 'not found\n'];
}

/** Prometheus text format 0.0.4; all of them are gauges. */
function exposition(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`)
    .join('');
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Log, messageOf } from '../log.ts';
import type { HostPort } from '../settings.ts';
import { type Answer, readiness, send, text } from './answer.ts';
import type { DeclaredProbes } from './declared-probes.ts';
import { relayProbe } from './probe-relay.ts';

/** Equal to PROBE_PATH_PREFIX of api/probes.ts, which the bundle must not load; a test holds them together. */
export const PROBE_PREFIX = '/weft/probe/';

export interface AdminOptions {
  /** why the sidecar is not ready; empty when it is */
  readonly reasons: () => readonly string[];
  /** Prometheus text */
  readonly metrics: () => string;
  readonly probes: DeclaredProbes;
  readonly podIp: string | undefined;
  readonly log: Log;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const RETRY_MS = 1_000;
const CONNECTIONS_MAX = 512;
const PROBES_MAX = 64;

/**
 * Health, readiness, metrics and declared probes, on a port that everybody can reach: it changes nothing,
 * names no secret, and dials nothing but what the pod declared.
 */
export class AdminServer {
  readonly #options: AdminOptions;
  #server: Server | undefined;
  #address: HostPort | undefined;
  #retry: NodeJS.Timeout | undefined;
  #probesRunning = 0;
  /** the port it is bound to, once it is */
  boundPort: number | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  /** Binds there, and leaves where it was bound before; tries again while the address is taken. */
  listen(address: HostPort): void {
    if (this.#address?.host === address.host && this.#address?.port === address.port) return;
    this.close();
    this.#address = address;
    this.#bind(address);
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
    this.#address = undefined;
    this.boundPort = undefined;
  }

  #bind(address: HostPort): void {
    const server = createServer(
      { requestTimeout: 10_000, headersTimeout: 5_000 },
      (request, response) => void this.#answer(request, response),
    );
    this.#server = server;
    server.maxConnections = CONNECTIONS_MAX;
    server.on('error', (error) => {
      this.#options.log.error('the admin port cannot be bound', { ...address, reason: messageOf(error) });
      this.#retry = setTimeout(() => this.#bind(address), RETRY_MS);
    });
    server.listen({ port: address.port, ...(address.host !== undefined && { host: address.host }) }, () => {
      const bound = server.address();
      this.boundPort = typeof bound === 'object' ? bound?.port : undefined;
      this.#options.log.info('the admin port is bound', { host: address.host, port: this.boundPort });
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0]!;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, text(405, 'GET only'));
    } else if (path.startsWith(PROBE_PREFIX)) {
      send(response, await this.#probe(path.slice(PROBE_PREFIX.length), request, response));
    } else {
      send(response, this.#look(path));
    }
  }

  #look(path: string): Answer {
    if (path === '/healthz') return text(200, 'ok');
    if (path === '/readyz') return readiness(this.#options.reasons());
    if (path === '/metrics') return { status: 200, type: METRICS_TYPE, body: this.#options.metrics() };
    return text(404, 'there are /healthz, /readyz and /metrics');
  }

  async #probe(name: string, request: IncomingMessage, response: ServerResponse): Promise<Answer> {
    const { probes, podIp } = this.#options;
    const probe = probes.get(name);
    if (probe === undefined || podIp === undefined) return text(404, 'no such probe is declared');
    if (this.#probesRunning >= PROBES_MAX) return text(503, 'too many probes at the same time');
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    this.#probesRunning += 1;
    const userAgent = request.headers['user-agent'] ?? 'weft-probe';
    const { status, detail } = await relayProbe(probe, podIp, userAgent, gone.signal);
    this.#probesRunning -= 1;
    return text(status, detail);
  }
}

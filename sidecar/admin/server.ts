import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Log, messageOf } from '../log.ts';
import type { HostPort } from '../settings.ts';
import { type Answer, readiness, send, text } from './answer.ts';
import { ConnectionLimit } from './connection-limit.ts';
import type { DeclaredProbes } from './declared-probes.ts';
import { relayProbe } from './probe-relay.ts';
import { type ProbeSlot, ProbeTable } from './probe-table.ts';
import { relayScrape } from './scrape-relay.ts';
import { Scrapes } from './scrapes.ts';

/** Equal to PROBE_PATH_PREFIX of api/probes.ts, which the bundle must not load; a test holds them together. */
export const PROBE_PREFIX = '/weft/probe/';
/** As SCRAPE_KEY of api/probes.ts ends. */
const SCRAPE_SUFFIX = '/scrape';

export interface AdminOptions {
  /** why the sidecar is not ready; empty when it is */
  readonly reasons: () => readonly string[];
  /** Prometheus text, as a whole or piece by piece; the pieces are asked for one in a turn of the event loop */
  readonly metrics: () => string | Iterable<string>;
  readonly probes: DeclaredProbes;
  readonly podIp: string | undefined;
  readonly log: Log;
}

const RETRY_MS = 1_000;
const CONNECTIONS_MAX = 512;
const REQUEST_TIMEOUT_MS = 5_000;
const CHECKING_INTERVAL_MS = 1_000;

/**
 * Health, readiness, metrics and declared probes, on a port that everybody can reach: it changes nothing,
 * names no secret, and dials nothing but what the pod declared, for those who know the token of its paths.
 */
export class AdminServer {
  readonly #options: AdminOptions;
  #server: Server | undefined;
  #address: HostPort | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #probes: ProbeTable;
  readonly #scrapes: Scrapes;
  /** the port it is bound to, once it is */
  boundPort: number | undefined;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#probes = new ProbeTable(options.probes);
    this.#scrapes = new Scrapes(options.metrics, options.log);
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
    const limit = new ConnectionLimit(CONNECTIONS_MAX);
    const server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: CHECKING_INTERVAL_MS,
      },
      (request, response) => void this.#answer(request, response, limit),
    );
    this.#server = server;
    server.on('connection', (socket) => limit.add(socket));
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

  async #answer(request: IncomingMessage, response: ServerResponse, limit: ConnectionLimit): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0]!;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, text(405, 'GET only'));
    } else if (path.startsWith(PROBE_PREFIX)) {
      const answer = await this.#probe(path.slice(PROBE_PREFIX.length), request, response, limit);
      if (answer !== undefined) send(response, answer);
    } else if (path === '/metrics') {
      this.#scrapes.answer(response);
    } else {
      send(response, this.#look(path));
    }
  }

  #look(path: string): Answer {
    if (path === '/healthz') return text(200, 'ok');
    if (path === '/readyz') return readiness(this.#options.reasons());
    return text(404, 'there are /healthz, /readyz and /metrics');
  }

  /** Undefined: it is answered already. */
  async #probe(
    key: string,
    request: IncomingMessage,
    response: ServerResponse,
    limit: ConnectionLimit,
  ): Promise<Answer | undefined> {
    const { podIp } = this.#options;
    const slot = this.#probes.find(key);
    if (slot === undefined || podIp === undefined) return text(404, 'no such probe is declared');
    if (key.endsWith(SCRAPE_SUFFIX)) return this.#scrape(slot, podIp, request, response, limit);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const userAgent = request.headers['user-agent'] ?? 'weft-probe';
    const release = limit.hold(request.socket);
    const result = await slot.run((probe) => relayProbe(probe, podIp, userAgent, gone.signal));
    release();
    if (result === undefined) return text(503, 'too many of this probe at the same time');
    return text(result.status, result.detail);
  }

  async #scrape(
    slot: ProbeSlot,
    podIp: string,
    request: IncomingMessage,
    response: ServerResponse,
    limit: ConnectionLimit,
  ): Promise<Answer | undefined> {
    const release = limit.hold(request.socket);
    const done = await slot.run(async (probe) => {
      if (probe.type === 'http') await relayScrape(probe, podIp, request, response);
      return probe.type === 'http';
    });
    release();
    if (done === undefined) return text(503, 'too many scrapes at the same time');
    return done ? undefined : text(404, 'no such probe is declared');
  }
}

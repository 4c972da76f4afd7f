import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { ALPN_STREAM } from '../../api/names.ts';
import { IDENTITY_PATH, STREAM_PATH } from '../../api/stream.ts';
import type { Clock } from '../clock.ts';
import type { Authority, Leaf } from '../identity/authority.ts';
import { secureContextOptions } from '../identity/tls.ts';
import type { Log } from '../log.ts';
import type { AckReports } from '../replicas/ack-reports.ts';
import { ACKS_PATH } from '../replicas/report-message.ts';
import { ReportSession } from '../replicas/report-session.ts';
import type { AckTable } from './acks.ts';
import { FirstIdentity } from './first-identity.ts';
import { RefusalLog } from './refusal-log.ts';
import { authenticate, refusalOf } from './stream-auth.ts';
import { refuse } from './stream-end.ts';
import { StreamSession } from './stream-session.ts';
import type { StreamSource } from './stream-source.ts';
import { Subscribers } from './subscribers.ts';

export interface StreamServerOptions {
  readonly authority: Authority;
  readonly leaf: Leaf;
  readonly trustDomain: string;
  readonly source: StreamSource;
  readonly acks: AckTable;
  /** what other replicas report here */
  readonly reports: AckReports;
  /** the one identity that may report */
  readonly operatorSpiffeId: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly maxStreams?: number;
  /** a stream ends between this and one and a half times this, so that load spreads after a restart */
  readonly maxAgeMs?: number;
}

const PATHS: ReadonlySet<string> = new Set([STREAM_PATH, IDENTITY_PATH, ACKS_PATH]);
const MAX_STREAMS = 10_000;
const MAX_AGE_MS = 30 * 60 * 1000;
const IDLE_SESSION_MS = 60_000;
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The operator's end of the push stream; api/stream.ts is its protocol. */
export class StreamServer {
  readonly #options: Required<StreamServerOptions>;
  readonly #server: Http2SecureServer;
  readonly #connections = new Set<ServerHttp2Session>();
  /** admitted ones by key of the Workload: one each, the newest */
  readonly #sessions = new Map<string, StreamSession>();
  readonly #subscribers = new Subscribers<StreamSession>();
  /** other replicas */
  readonly #reporting = new Set<ServerHttp2Stream>();
  readonly #firstIdentity: FirstIdentity;
  readonly #refusals: RefusalLog;
  #open = 0;

  constructor(options: StreamServerOptions) {
    this.#options = { maxStreams: MAX_STREAMS, maxAgeMs: MAX_AGE_MS, ...options };
    this.#firstIdentity = new FirstIdentity(options.source);
    this.#refusals = new RefusalLog(options.log, options.clock);
    this.#server = createSecureServer({
      ...secureContextOptions(options.authority, options.leaf),
      // Who has no certificate yet may ask for the first; every path judges its caller itself.
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: [ALPN_STREAM],
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      settings: { maxConcurrentStreams: 4, maxHeaderListSize: 32 * 1024 },
      maxSessionMemory: 10,
    });
    this.#server.maxConnections = this.#options.maxStreams * 2;
    this.#server.on('session', (session) => this.#track(session));
    this.#server.on('stream', (stream, headers) => this.#route(stream, headers));
    this.#server.on('tlsClientError', () => {});
    this.#server.on('sessionError', () => {});
  }

  /** Streams that are admitted. */
  get size(): number {
    return this.#sessions.size;
  }

  /** @param host undefined: all addresses */
  listen(host: string | undefined, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, host }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) =>
          this.#options.log.error({ error: error.message }, 'stream server'),
        );
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** For handshakes from now on. */
  renew(authority: Authority, leaf: Leaf): void {
    this.#server.setSecureContext(secureContextOptions(authority, leaf));
  }

  async close(): Promise<void> {
    for (const session of this.#sessions.values()) session.end('restarting', 'the control plane restarts');
    for (const stream of this.#reporting) stream.close();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.close();
    const cancel = this.#options.clock.after(1_000, () => {
      for (const connection of this.#connections) connection.destroy();
    });
    await closed;
    cancel();
    this.#refusals.flush();
  }

  configChanged(workload: string): void {
    this.#sessions.get(workload)?.configChanged();
  }
  /** The roots in force have changed, for all. */
  trustChanged(): void {
    for (const session of this.#sessions.values()) session.trustChanged();
  }
  identityChanged(workload: string): void {
    this.#sessions.get(workload)?.identityChanged();
  }
  /** This replica serves the sidecar, and the certificate the sidecar has is old. */
  isRenewalDue(workload: string): boolean {
    return this.#sessions.get(workload)?.isRenewalDue() ?? false;
  }
  hostsChanged(hosts: ReadonlySet<string>): void {
    for (const host of hosts) {
      for (const session of this.#subscribers.of(host)) session.hostChanged(host);
    }
  }
  /** How these sidecars see others may differ, whatever it is. @param workloads keys of Workloads */
  consumersChanged(workloads: ReadonlySet<string>): void {
    for (const key of workloads) this.#sessions.get(key)?.everyHostChanged();
  }
  /** The workload finished, went, or its proxy id is no longer its own. */
  gone(workload: string): void {
    this.#sessions.get(workload)?.end('gone', 'the workload is gone');
  }

  #track(session: ServerHttp2Session): void {
    this.#connections.add(session);
    session.setTimeout(IDLE_SESSION_MS, () => session.close());
    session.on('error', () => session.destroy());
    session.once('close', () => this.#connections.delete(session));
  }

  #route(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {});
    const path = headers[':path'];
    if (path === undefined || !PATHS.has(path)) answer(stream, 404);
    else if (headers[':method'] !== 'POST') answer(stream, 405);
    else if (path === ACKS_PATH) this.#admitReport(stream);
    else if (path === IDENTITY_PATH) void this.#firstIdentity.answer(stream, headers);
    else this.#admit(stream);
  }

  #admit(stream: ServerHttp2Stream): void {
    const { trustDomain, source, acks, clock, random, maxAgeMs, maxStreams } = this.#options;
    if (this.#open >= maxStreams) {
      refuse(stream, 503, 'forbidden', 'too many streams; connect again');
      return;
    }
    const peer = authenticate(stream.session, trustDomain, clock.unixMs(), (id) => source.find(id));
    if (typeof peer === 'string') {
      this.#refusals.warn({ reason: peer }, 'a stream was refused');
      refuse(stream, 403, 'forbidden', peer);
      return;
    }
    this.#open += 1;
    stream.once('close', () => {
      this.#open -= 1;
    });
    new StreamSession({
      ...{ stream, peer, source, acks, clock, random, subscribers: this.#subscribers },
      maxAgeMs: maxAgeMs * (1 + random() / 2),
      onOpen: (session) => this.#opened(session),
      onClose: (session, reason) => this.#closed(session, reason),
    });
  }

  #admitReport(stream: ServerHttp2Stream): void {
    const { trustDomain, operatorSpiffeId, reports, clock, maxAgeMs, log } = this.#options;
    const refusal = refusalOf(stream.session, trustDomain, clock.unixMs(), operatorSpiffeId);
    if (refusal !== undefined) {
      this.#refusals.warn({ reason: refusal }, 'a report was refused');
      refuse(stream, 403, 'forbidden', refusal);
      return;
    }
    this.#reporting.add(stream);
    stream.once('close', () => this.#reporting.delete(stream));
    new ReportSession({ stream, reports, clock, log, maxAgeMs: maxAgeMs * 1.5 });
  }

  #opened(session: StreamSession): void {
    const before = this.#sessions.get(session.workloadKey);
    this.#sessions.set(session.workloadKey, session);
    before?.end('replaced', 'the sidecar has connected anew');
    this.#options.log.info({ workload: session.workloadKey }, 'a sidecar connected');
  }

  #closed(session: StreamSession, reason: string): void {
    if (this.#sessions.get(session.workloadKey) !== session) return;
    this.#sessions.delete(session.workloadKey);
    this.#options.acks.disconnected(session.workloadKey);
    this.#options.log.info({ workload: session.workloadKey, reason }, 'a sidecar disconnected');
  }
}

function answer(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': status }, { endStream: true });
}

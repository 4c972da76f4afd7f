import { X509Certificate } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { isIPv6 } from 'node:net';
import { ALPN_STREAM } from '../../api/names.ts';
import type { Clock } from '../clock.ts';
import type { Authority, Leaf } from '../identity/authority.ts';
import { readPeer } from '../identity/peer.ts';
import { secureContextOptions } from '../identity/tls.ts';
import type { AckTable, Held } from '../publish/acks.ts';
import { Outbox } from '../publish/outbox.ts';
import { ACKS_PATH, REPORT_PING_INTERVAL_MS, type ReportMessage } from './report-message.ts';

export interface ReportConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** of this replica */
  readonly name: string;
  readonly acks: AckTable;
  readonly authority: Authority;
  readonly leaf: Leaf;
  readonly trustDomain: string;
  /** the one identity accepted at the other end */
  readonly operatorSpiffeId: string;
  readonly clock: Clock;
  readonly onClose: (reason: string) => void;
}

/** Changes within this are told as one. */
const WINDOW_MS = 50;
const SEPARATOR = ' ';
/** No key of a workload: those have a separator. */
const ROOTS = 'roots';

/** A follower's end: tells the whole table, then what changes, each entry as it is when its turn comes. */
export class ReportConnection {
  readonly #options: ReportConnectionOptions;
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #outbox: Outbox;
  readonly #changed = new Set<string>();
  #cancelFlush: (() => void) | undefined;
  #cancelPing: () => void = () => {};
  #answered = false;
  #closed = false;
  #pingsUnanswered = 0;

  constructor(options: ReportConnectionOptions) {
    const { host, port, authority, leaf, name } = options;
    this.#options = options;
    this.#session = connect(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`, {
      ...secureContextOptions(authority, leaf),
      ALPNProtocols: [ALPN_STREAM],
      // Replicas have no names of their own in their certificates: the identity decides.
      checkServerIdentity: (_host, certificate) => this.#judge(new X509Certificate(certificate.raw)),
    });
    this.#session.on('error', (error) => this.close(error.message));
    this.#session.on('close', () => this.close('closed'));
    this.#stream = this.#session.request({ ':method': 'POST', ':path': ACKS_PATH }, { endStream: false });
    this.#stream.on('error', (error) => this.close(error.message));
    this.#stream.on('close', () => this.close('closed'));
    this.#stream.on('response', (headers) => {
      this.#answered = headers[':status'] === 200;
      if (!this.#answered) this.close(`status ${headers[':status']}`);
    });
    this.#stream.resume();
    this.#outbox = new Outbox(this.#stream, (key) => this.#render(key));
    this.#stream.on('drain', () => this.#outbox.drained());
    this.#outbox.add(JSON.stringify({ type: 'replica', name } satisfies ReportMessage));
    this.#outbox.add(ROOTS);
    for (const key of this.#allKeys()) this.#outbox.add(key);
    this.#outbox.add(JSON.stringify({ type: 'replayed' } satisfies ReportMessage));
    this.#keepAlive();
  }

  changed(workload: string, destination: string | undefined): void {
    this.#changed.add(keyOf(workload, destination));
    this.#cancelFlush ??= this.#options.clock.after(WINDOW_MS, () => this.#flush());
  }

  /** This replica trusts other roots than before. */
  rootsChanged(): void {
    this.#outbox.add(ROOTS);
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelFlush?.();
    this.#cancelPing();
    this.#session.destroy();
    this.#options.onClose(reason);
  }

  #judge(certificate: X509Certificate): Error | undefined {
    const { trustDomain, operatorSpiffeId, clock } = this.#options;
    const peer = readPeer(certificate, trustDomain, clock.unixMs());
    if (typeof peer === 'string') return new Error(peer);
    return peer.spiffeId === operatorSpiffeId ? undefined : new Error('the leader is not an operator');
  }

  *#allKeys(): Iterable<string> {
    for (const [workload, { destinations }] of this.#options.acks.entries()) {
      yield keyOf(workload, undefined);
      for (const key of destinations.keys()) yield keyOf(workload, key);
    }
  }

  #flush(): void {
    this.#cancelFlush = undefined;
    for (const key of this.#changed) this.#outbox.add(key);
    this.#changed.clear();
  }

  /** A key that is JSON stands for itself. */
  #render(key: string): string | undefined {
    if (key.startsWith('{')) return key;
    if (key === ROOTS) {
      return JSON.stringify({ type: 'roots', roots: this.#options.authority.roots } satisfies ReportMessage);
    }
    const end = key.indexOf(SEPARATOR);
    const workload = key.slice(0, end);
    const destination = key.slice(end + 1);
    const entry = this.#options.acks.get(workload);
    if (entry === undefined) return JSON.stringify({ type: 'gone', workload } satisfies ReportMessage);
    const { connection, connected, sinceMs, config, roots } = entry;
    const message: ReportMessage =
      destination === ''
        ? { type: 'proxy', workload, connection, connected, sinceMs, config, ...(roots && { roots }) }
        : destinationMessage(workload, connection, destination, entry.destinations.get(destination));
    return JSON.stringify(message);
  }

  #keepAlive(): void {
    const { clock } = this.#options;
    this.#cancelPing = clock.after(REPORT_PING_INTERVAL_MS, () => {
      if (!this.#answered || this.#pingsUnanswered > 0) return this.close('the leader does not answer');
      this.#pingsUnanswered += 1;
      this.#session.ping((error) => {
        if (error === null) this.#pingsUnanswered = 0;
      });
      this.#outbox.add(JSON.stringify({ type: 'ping' } satisfies ReportMessage));
      this.#keepAlive();
    });
  }
}

function keyOf(workload: string, destination: string | undefined): string {
  return `${workload}${SEPARATOR}${destination ?? ''}`;
}

function destinationMessage(
  workload: string,
  connection: number,
  key: string,
  held: Held | undefined,
): ReportMessage {
  return { type: 'destination', workload, connection, key, ...(held && { held }) };
}

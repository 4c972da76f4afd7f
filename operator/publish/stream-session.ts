import { X509Certificate } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import {
  type AckMessage,
  type HelloMessage,
  type NackMessage,
  type SidecarMessage,
  STREAM_LINE_MAX_BYTES,
  STREAM_PING_INTERVAL_MS,
  type StreamErrorMessage,
  type TrustBundleMessage,
} from '../../api/stream.ts';
import type { Clock } from '../clock.ts';
import { canonicalJson } from '../compile/canonical-json.ts';
import { renewLateAtMs, validityOf } from '../identity/renewal.ts';
import type { Workload } from '../mesh/model.ts';
import { MultiMap } from '../mesh/multi-map.ts';
import type { AckTable } from './acks.ts';
import { LineSplitter } from './lines.ts';
import { parseSidecarMessage } from './messages.ts';
import { Outbox } from './outbox.ts';
import type { StreamPeer } from './stream-auth.ts';
import { closeAfterEnd, errorLine, refuse } from './stream-end.ts';
import { isSameSet, type StreamSource } from './stream-source.ts';
import type { Subscribers } from './subscribers.ts';

export interface SessionOptions {
  readonly stream: ServerHttp2Stream;
  readonly peer: StreamPeer;
  readonly source: StreamSource;
  readonly acks: AckTable;
  readonly subscribers: Subscribers<StreamSession>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly maxAgeMs: number;
  /** Admitted: the hello was right. */
  readonly onOpen: (session: StreamSession) => void;
  readonly onClose: (session: StreamSession, reason: string) => void;
}

/** Subscriptions of one sidecar; a workload that talks to more has other problems. */
export const SUBSCRIPTIONS_MAX = 4096;
/** Between two pings; a sidecar that connects anew subscribes to all it knows and acks all it gets. */
const LINES_MAX = 20_000;
const HELLO_TIMEOUT_MS = 10_000;
/** How long an ending stream may take to deliver its last message. */
const LINGER_MS = 1_000;
const SILENCE_MAX_MS = 3 * STREAM_PING_INTERVAL_MS;
/** Pings in a row that find the reader behind. */
const BLOCKED_PINGS_MAX = 3;
const DESTINATION = 'destination ';

/**
 * One sidecar's stream. The answer (200) is given once hello has come and is right; from then on the outbox
 * tells what changed, each key read from the source when its turn comes.
 */
export class StreamSession {
  readonly proxyId: string;
  readonly workloadKey: string;
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #lines = new LineSplitter(STREAM_LINE_MAX_BYTES, LINES_MAX);
  /** destination key → what was sent last, as text of its version; undefined: nothing yet */
  readonly #subscriptions = new Map<string, string | undefined>();
  /** their keys by the host in them */
  readonly #byHost = new MultiMap();
  #sentConfig: string | undefined;
  /** the certificate that the sidecar has, as far as known here */
  #held: X509Certificate;
  #renewLateAtMs: number;
  /** the trust bundle that the sidecar has or is about to; undefined: not known */
  #trustBundle: string | undefined;
  #heardMs: number;
  #blockedPings = 0;
  #state: 'greeting' | 'open' | 'closed' = 'greeting';
  #cancelTimers: (() => void)[] = [];

  constructor(options: SessionOptions) {
    const { stream, peer, clock } = options;
    this.#options = options;
    this.proxyId = peer.proxyId;
    this.workloadKey = peer.workload.key;
    this.#held = peer.certificate;
    this.#renewLateAtMs = this.#renewalOf(peer.certificate);
    this.#outbox = new Outbox(stream, (key) => this.#render(key));
    this.#heardMs = clock.monotonicMs();
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('drain', () => this.#outbox.drained());
    stream.on('end', () => this.#finish('the sidecar ended it'));
    stream.on('error', (error) => this.#finish(error.message));
    stream.on('close', () => this.#finish('closed'));
    this.#after(HELLO_TIMEOUT_MS, () => {
      if (this.#state === 'greeting') this.#refuse(408, 'bad-message', 'no hello within 10 s');
    });
  }

  configChanged(): void {
    if (this.#state === 'open') this.#outbox.add('config');
  }
  trustChanged(): void {
    if (this.#state === 'open') this.#outbox.add('trust');
  }
  identityChanged(): void {
    if (this.#state === 'open') this.#outbox.add('identity');
  }
  /** The sidecar's certificate is older than the leader should have let it become. */
  isRenewalDue(): boolean {
    return this.#options.clock.unixMs() >= this.#renewLateAtMs;
  }
  /** @param host an address or `<namespace>/<service>` */
  hostChanged(host: string): void {
    this.#tell(this.#byHost.each(host));
  }
  /** The consumer itself has changed, so whatever it sees of others may have. */
  everyHostChanged(): void {
    this.#tell(this.#subscriptions.keys());
  }
  #tell(destinations: Iterable<string>): void {
    for (const key of destinations) this.#outbox.add(DESTINATION + key);
  }
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** Says why, then ends the stream. */
  end(code: StreamErrorMessage['code'], message: string): void {
    if (this.#state === 'greeting') this.#refuse(403, code, message);
    if (this.#state === 'closed') return;
    const { stream, clock } = this.#options;
    if (stream.writable) stream.end(errorLine(code, message));
    closeAfterEnd(stream);
    this.#finish(`${code}: ${message}`);
    clock.after(LINGER_MS, () => stream.destroy());
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    this.#heardMs = this.#options.clock.monotonicMs();
    try {
      for (const line of this.#lines.push(chunk)) {
        const message = parseSidecarMessage(line);
        if (message !== undefined && !this.#isClosed()) this.#handle(message);
      }
    } catch (error) {
      this.#fail((error as Error).message);
    }
  }
  #isClosed(): boolean {
    return this.#state === 'closed';
  }
  #fail(message: string): void {
    if (this.#state === 'greeting') this.#refuse(400, 'bad-message', message);
    else this.end('bad-message', message);
  }

  #handle(message: SidecarMessage): void {
    if (this.#state === 'greeting') {
      if (message.type === 'hello') this.#greet(message);
      else this.#fail('the first message is not hello');
    } else if (message.type === 'hello') this.#fail('a second hello');
    else if (message.type === 'subscribe') this.#subscribe(message.key);
    else if (message.type === 'unsubscribe') this.#unsubscribe(message.key);
    else if (message.type === 'trusts') this.#options.acks.trusts(this.workloadKey, message.roots);
    else if (message.type !== 'ping') this.#record(message);
  }

  #record(message: AckMessage | NackMessage): void {
    const { acks } = this.#options;
    const { destination, version } = message;
    // An ack for what is no longer subscribed to must not bring it back into the table.
    if (destination !== undefined && !this.#subscriptions.has(destination)) return;
    if (message.type === 'ack') acks.acked(this.workloadKey, destination, version);
    else acks.nacked(this.workloadKey, destination, version, message.reason);
  }

  #greet({ proxyId, version, roots }: HelloMessage): void {
    if (proxyId !== this.proxyId) {
      this.#refuse(403, 'forbidden', 'hello names another proxy id than the certificate');
      return;
    }
    const { stream, acks, source, maxAgeMs, onOpen } = this.#options;
    this.#state = 'open';
    stream.respond({ ':status': 200, 'content-type': 'application/x-ndjson' });
    acks.connected(this.workloadKey, version, roots);
    const trust = source.trust();
    if (roots !== undefined && isSameSet(roots, trust.roots)) this.#trustBundle = trust.trustBundle;
    this.#sentConfig = version && canonicalJson(version);
    this.#after(maxAgeMs, () => this.end('max-age', 'the stream is old; connect again'));
    this.#keepAlive();
    onOpen(this);
    this.#outbox.add('identity');
    this.#outbox.add('trust');
    this.#outbox.add('config');
  }

  #subscribe(key: string): void {
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX && !this.#subscriptions.has(key)) {
      this.#fail(`more than ${SUBSCRIPTIONS_MAX} destinations`);
      return;
    }
    this.#subscriptions.set(key, undefined);
    this.#byHost.add(hostOf(key), key);
    this.#options.subscribers.add(hostOf(key), this);
    this.#outbox.add(DESTINATION + key);
  }

  #unsubscribe(key: string): void {
    this.#subscriptions.delete(key);
    this.#byHost.delete(hostOf(key), key);
    if (this.#byHost.size(hostOf(key)) === 0) this.#options.subscribers.delete(hostOf(key), this);
    this.#outbox.delete(DESTINATION + key);
    this.#options.acks.unsubscribed(this.workloadKey, key);
  }

  #render(key: string): string | undefined {
    if (key === 'ping') return '{"type":"ping"}';
    const workload = this.#options.source.find(this.proxyId);
    if (workload === undefined) return undefined;
    if (key === 'identity') return this.#renderIdentity(workload);
    if (key === 'config') return this.#renderConfig(workload);
    if (key === 'trust') return this.#renderTrust();
    return this.#renderDestination(key.slice(DESTINATION.length), workload);
  }

  #renewalOf(certificate: X509Certificate): number {
    return renewLateAtMs(validityOf(certificate), this.#options.random);
  }

  /** Sent when it is another than the one the sidecar has, and does not end before that. */
  #renderIdentity(workload: Workload): string | undefined {
    const identity = this.#options.source.identity(workload);
    if (identity === undefined) return undefined;
    const issued = new X509Certificate(identity.certificate);
    const isOlder = validityOf(issued).notAfterMs < validityOf(this.#held).notAfterMs;
    if (isOlder || issued.raw.equals(this.#held.raw)) return undefined;
    this.#held = issued;
    this.#renewLateAtMs = this.#renewalOf(issued);
    const { certificate, privateKey, trustBundle } = identity;
    this.#trustBundle = trustBundle;
    return JSON.stringify({ type: 'identity', certificate, privateKey, trustBundle });
  }

  #renderTrust(): string | undefined {
    const { trustBundle } = this.#options.source.trust();
    if (trustBundle === '' || trustBundle === this.#trustBundle) return undefined;
    this.#trustBundle = trustBundle;
    return JSON.stringify({ type: 'trust-bundle', trustBundle } satisfies TrustBundleMessage);
  }

  #renderConfig(workload: Workload): string | undefined {
    const config = this.#options.source.config(workload);
    if (config === undefined) return undefined;
    this.#options.acks.sent(this.workloadKey, undefined, config.version);
    const version = canonicalJson(config.version);
    if (version === this.#sentConfig) return undefined;
    this.#sentConfig = version;
    return `{"type":"config","config":${config.text}}`;
  }

  #renderDestination(key: string, workload: Workload): string | undefined {
    if (!this.#subscriptions.has(key)) return undefined;
    const { version, text } = this.#options.source.destination(key, workload);
    this.#options.acks.sent(this.workloadKey, key, version);
    const said = canonicalJson(version ?? null);
    if (said === this.#subscriptions.get(key)) return undefined;
    this.#subscriptions.set(key, said);
    return `{"type":"destination","key":${JSON.stringify(key)},"destination":${text}}`;
  }

  #keepAlive(): void {
    this.#after(STREAM_PING_INTERVAL_MS, () => {
      const silentMs = this.#options.clock.monotonicMs() - this.#heardMs;
      this.#blockedPings = this.#outbox.isBlocked ? this.#blockedPings + 1 : 0;
      if (silentMs >= SILENCE_MAX_MS || this.#blockedPings >= BLOCKED_PINGS_MAX) {
        this.#finish(this.#blockedPings > 0 ? 'the sidecar does not read' : 'the sidecar is silent');
        this.#options.stream.destroy();
        return;
      }
      this.#outbox.add('ping');
      this.#lines.refill();
      this.#keepAlive();
    });
  }

  #refuse(status: number, code: StreamErrorMessage['code'], message: string): void {
    refuse(this.#options.stream, status, code, message);
    this.#finish(`${code}: ${message}`);
  }

  #finish(reason: string): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    for (const cancel of this.#cancelTimers) cancel();
    this.#subscriptions.clear();
    for (const host of this.#byHost.keys()) this.#options.subscribers.delete(host, this);
    this.#byHost.clear();
    if (wasOpen) this.#options.onClose(this, reason);
    if (this.#options.stream.writable) this.#options.stream.end();
  }

  #after(delayMs: number, run: () => void): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#cancelTimers = this.#cancelTimers.filter((each) => each !== cancel);
      run();
    });
    this.#cancelTimers.push(cancel);
  }
}

/** `10.0.0.1:80` → `10.0.0.1`, `[fd00::1]:80` → `fd00::1`, `shop/payments:80` → `shop/payments`. */
export function hostOf(key: string): string {
  return key.slice(0, key.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

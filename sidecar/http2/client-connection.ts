import { ALPN } from '../../api/names.ts';
import { HeldBudget } from '../held-budget.ts';
import type { Channel } from '../transport/channel.ts';
import { ClientStream } from './client-stream.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { broken, type ConnectionError, H2_ERROR } from './error-codes.ts';
import { MAX_STREAM_ID } from './frames/frame-types.ts';
import { SETTING } from './settings.ts';

/** What the pool is told. */
export interface ClientConnectionOwner {
  /** A stream is over or the endpoint allows more of them: there may be room. Told of retired connections too. */
  onRoom(connection: ClientConnection): void;
  /** It takes no further request: retired, told to go away, or out of stream numbers. At most once. */
  onRetired(connection: ClientConnection): void;
  /** Once, when it is gone. */
  onClosed(connection: ClientConnection): void;
}

export interface ClientOptions extends ConnectionOptions {
  readonly owner: ClientConnectionOwner;
  /** what `:scheme` says */
  readonly scheme: 'http' | 'https';
  /** what was agreed upon in TLS, if anything */
  readonly alpn?: string | undefined;
  /** the process's own when absent */
  readonly lending?: HeldBudget | undefined;
}

/** Until the endpoint has said how many streams it takes (RFC 9113 6.5.2: no fewer than 100 are recommended). */
export const ASSUMED_STREAMS = 100;
const QUIET_MS = 60_000;
/** Beyond the windows of connections, of answers that are not read: of 128 streams at least. */
const LENT_BYTES = 32 * 1024 * 1024;
/** Many callers share a connection: who does not read what it asked for shall stop nobody else. */
const LENDING = new HeldBudget(LENT_BYTES);
/**
 * Servers close a connection on which many requests were cancelled, with all that is on it (CVE-2023-44487): node and
 * these sidecars after 1,000. Callers who cancel theirs are given others before, with room for all that are open still.
 */
const MAX_CANCELLED = 500;
/** "H" of "HTTP/1.1 400 Bad Request" */
const FIRST_OF_HTTP1 = 0x48;

/**
 * Our end of an HTTP/2 connection to an endpoint. `open` gives a stream for one request, which is used as http1's
 * forward.ts uses a connection; `hasRoom` says whether there is one. Several connections to an endpoint are the pool's
 * to make when none has room.
 */
export class ClientConnection extends Connection {
  readonly #owner: ClientConnectionOwner;
  readonly scheme: string;
  /** a sidecar carries it as bytes: who answers is the app behind, not the mesh */
  readonly isOpaque: boolean;
  #nextId = 1;
  /** opened, not begun */
  readonly #reserved = new Set<ClientStream>();
  #isRetired = false;
  #cancelled = 0;
  #heardSettings = false;
  #heardAnything = false;
  /** its first word was of HTTP/1: it knows no HTTP/2, and did nothing about what it was asked */
  speaksHttp1 = false;
  /** what it said in place of SETTINGS, when that is neither: it speaks something else */
  nonsense: ConnectionError | undefined = undefined;
  /** wait for the endpoint's SETTINGS */
  #undecided: ClientStream[] = [];
  #closedTold = false;
  /** monotonic; the pool's */
  bornMs = 0;
  /** monotonic; the pool's, while there are no streams */
  idleUntilMs = 0;

  constructor(channel: Channel, options: ClientOptions) {
    super(channel, options, options.lending ?? LENDING);
    this.#owner = options.owner;
    this.scheme = options.scheme;
    this.isOpaque = options.alpn === ALPN.tcp;
    channel.owner = this;
    this.introduce([[SETTING.enablePush, 0]], true);
    channel.resume();
  }

  /** Requests under way. */
  get load(): number {
    return this.streams.size + this.#reserved.size;
  }
  /** False for what must not get another request: closed, half-closed, or told to go away. */
  get isUsable(): boolean {
    return !this.isOver && !this.#isRetired && !this.channel.ended && this.channel.writable;
  }
  get hasRoom(): boolean {
    return this.isUsable && this.load < this.#maxStreams;
  }
  get #maxStreams(): number {
    const allowed = this.#heardSettings ? this.peer.maxConcurrentStreams : ASSUMED_STREAMS;
    return Math.min(allowed, this.limits.maxConcurrentStreams);
  }
  /** Whether the endpoint takes extended CONNECT (RFC 8441); undefined: its SETTINGS have not come yet. */
  get takesUpgrades(): boolean | undefined {
    return this.#heardSettings || this.isOver ? this.peer.enableConnectProtocol : undefined;
  }
  /** Until `takesUpgrades` is known, or the connection is gone. */
  decideLater(stream: ClientStream): void {
    this.#undecided.push(stream);
  }
  #decide(): void {
    const undecided = this.#undecided;
    this.#undecided = [];
    for (const stream of undecided) stream.decided();
  }

  override onData(bytes: Buffer): void {
    if (!this.#heardAnything && bytes.length > 0) {
      this.#heardAnything = true;
      // as the length of a frame it would be far beyond any that is allowed
      this.speaksHttp1 = bytes[0] === FIRST_OF_HTTP1;
    }
    super.onData(bytes);
  }

  /** While there is room. */
  open(): ClientStream {
    const stream = new ClientStream(this);
    this.#reserved.add(stream);
    return stream;
  }
  /** Gives the stream its number. False: the connection is gone. */
  begin(stream: ClientStream): boolean {
    this.#reserved.delete(stream);
    if (this.isOver || this.#nextId > MAX_STREAM_ID) return false;
    this.addStream(stream, this.#nextId);
    this.#nextId += 2;
    if (this.#nextId > MAX_STREAM_ID) this.retire();
    return true;
  }
  unreserve(stream: ClientStream): void {
    if (this.#reserved.delete(stream)) this.#afterStream();
  }

  /** No further request; it ends with those it has. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#owner.onRetired(this);
    this.#endIfDone();
  }
  /** Now, whatever is under way. */
  destroy(): void {
    if (this.isOver) return;
    this.output.goaway(0, H2_ERROR.none);
    this.lose('closed');
    this.channel.destroySoon();
  }

  override resetStream(streamId: number, code: number): void {
    super.resetStream(streamId, code);
    this.#cancelled += 1;
    if (this.#cancelled === MAX_CANCELLED) this.retire();
  }

  #afterStream(): void {
    this.#endIfDone();
    if (!this.isOver) this.#owner.onRoom(this);
  }
  #endIfDone(): void {
    if (this.#isRetired && this.load === 0) this.destroy();
  }

  // === from the connection ===

  override get streamWindowBytes(): number {
    return this.limits.responseWindowBytes;
  }
  override get lastPeerStreamId(): number {
    return 0;
  }
  override isIdleStream(streamId: number): boolean {
    return streamId % 2 === 0 || streamId >= this.#nextId;
  }
  override onNewStream(): void {
    broken(H2_ERROR.protocol, 'RFC 9113 5.1', 'HEADERS on an idle stream');
  }
  override onStreamOver(): void {
    this.#afterStream();
  }

  /** Streams beyond the last one were not looked at; the rest go on (RFC 9113 6.8). */
  override onGoaway(lastStreamId: number, code: number): void {
    this.failure = `the endpoint said GOAWAY, error ${code}`;
    this.retire();
    for (const stream of [...this.streams.values()] as ClientStream[]) {
      if (stream.id <= lastStreamId) continue;
      stream.isUnprocessed = true;
      stream.receiveReset(H2_ERROR.refusedStream);
    }
  }
  override onPeerSettings(): void {
    this.#heardSettings = true;
    if (this.#undecided.length > 0) this.#decide();
    if (this.hasRoom) this.#owner.onRoom(this);
  }
  override onPingAnswer(): void {}
  override onBroken(error: ConnectionError): void {
    if (!this.#heardSettings && !this.speaksHttp1) this.nonsense = error;
  }
  override onOver(): void {
    this.#reserved.clear();
    this.#decide();
    if (!this.#isRetired) {
      this.#isRetired = true;
      this.#owner.onRetired(this);
    }
    // after the channel is closed the connection is out of its endpoint's count
    if (this.#closedTold) return;
    this.#closedTold = true;
    this.channel.onClosed(() => this.#owner.onClosed(this));
  }
  /** How long an idle connection is kept is the pool's affair. */
  override onQuiet(): number {
    return QUIET_MS;
  }
}

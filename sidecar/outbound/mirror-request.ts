import { HEADER_MIRROR } from '../../api/names.ts';
import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier, ResponseReceiver } from '../http1/client-connection.ts';
import type { RequestTee } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { Acquired } from '../http1/pool.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { REQUESTS } from '../layers/circuit-breaker.ts';
import { type Asked, isTranslatable } from '../layers/version.ts';
import type { Timer } from '../transport/timers.ts';
import type { Backend } from './backend.ts';

/** dropped: it could not keep up with its request, or was cut with it */
export type MirrorResult = 'answered' | 'failed' | 'dropped';

/** Of the body, while there is no connection yet, it takes nothing, or the mirror may want it in another version. */
const MAX_HELD_BYTES = 64 * 1024;
/** One of a single byte weighs more than that. */
const MAX_HELD_PIECES = 1_024;
/** Of an answer, for the sake of its connection. */
const MAX_DISCARDED_BYTES = 1024 * 1024;
/** Before an answer: who sends them without end shall not keep us busy. */
const MAX_INTERIMS = 16;
const TIMEOUT_MS = 15_000;

/** One copy of a request on its way. Its request never waits for it: what it cannot take in time ends it. */
export class MirrorRequest implements RequestTee, ResponseReceiver {
  readonly #context: Context;
  readonly #backend: Backend;
  readonly #asked: Asked;
  readonly #done: (result: MirrorResult) => void;
  #host: Host | undefined;
  #version: HttpVersion;
  #connection: RequestCarrier | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** so many pieces of those held, the first ones, were sent already */
  #sent = 0;
  /** what was sent is held, until the mirror answers */
  #keepsSent = false;
  #isTranslated = false;
  #isBlocked = false;
  #end: { readonly trailers: Fields | undefined } | undefined;
  #endSent = false;
  #discardedBytes = 0;
  #isInterim = false;
  #interims = 0;
  #isOver = false;
  #timer: Timer | undefined;
  #cancelConnect: (() => void) | undefined;

  constructor(context: Context, backend: Backend, asked: Asked, done: (result: MirrorResult) => void) {
    this.#context = context;
    this.#backend = backend;
    this.#asked = asked;
    this.#version = asked.version;
    this.#done = done;
  }

  start(): void {
    const { timers } = this.#context;
    const { breaker, hosts } = this.#backend;
    const nowMs = timers.coarseMs();
    const mayEnter = breaker.tryEnter(REQUESTS, nowMs);
    const host = mayEnter ? hosts.pick(nowMs, this.#backend.hash(this.#asked.head), []) : undefined;
    if (host === undefined) {
      if (mayEnter) breaker.leave(REQUESTS);
      return void this.#finish('failed');
    }
    this.#host = host;
    hosts.started(host);
    this.#timer = timers.after(TIMEOUT_MS, () => this.#cut('failed'));
    // outside the mesh nobody is told
    if (host.endpoint.spiffeId !== undefined) this.#asked.head.fields.add(HEADER_MIRROR, '1');
    this.#version = this.#backend.versionFor(this.#asked, this.#version, host);
    this.#keepsSent = this.#version === 'http2' && isTranslatable(this.#asked);
    const idle = this.#backend.pool(host, this.#version).take();
    if (idle !== undefined) this.#begin(idle);
    else this.#connect(host);
  }

  #connect(host: Host): void {
    const pool = this.#backend.pool(host, this.#version);
    this.#cancelConnect = pool.connect((result) => this.#connected(result));
  }

  #connected(result: Acquired): void {
    this.#cancelConnect = undefined;
    if (!result.ok) return void this.#cut('failed');
    if (this.#isOver) return void result.connection.release();
    this.#begin(result.connection);
  }

  #begin(connection: RequestCarrier): void {
    this.#connection = connection;
    connection.begin(this.#asked.head, this.#host!.name, this);
    this.#flush();
  }

  #flush(): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    while (!this.#isBlocked && this.#sent < this.#held.length) {
      this.#isBlocked = !connection.writeBody(this.#held[this.#sent++]!);
    }
    if (!this.#keepsSent) this.#dropSent();
    // once: the last chunk a second time would be the beginning of the next request
    if (this.#end === undefined || this.#endSent || this.#sent < this.#held.length) return;
    this.#endSent = true;
    connection.endBody(this.#end.trailers);
  }

  #dropSent(): void {
    if (this.#sent === 0) return;
    for (const { length } of this.#held.splice(0, this.#sent)) this.#heldBytes -= length;
    this.#sent = 0;
  }

  /** What was sent will not be sent again. */
  #forgetSent(): void {
    this.#keepsSent = false;
    this.#dropSent();
  }

  /** The mirror takes the other version, and did nothing about what it was sent. Once. */
  #translate(host: Host, version: HttpVersion): boolean {
    host.version.learn(version, this.#context.timers.coarseMs());
    const isWhole = this.#keepsSent || this.#asked.head.framing.type === 'none';
    if (!isWhole || this.#isTranslated || !isTranslatable(this.#asked)) return false;
    this.#isTranslated = true;
    this.#version = version;
    this.#keepsSent = this.#isBlocked = this.#endSent = false;
    this.#sent = 0;
    this.#connect(host);
    return true;
  }

  /** Without an answer, or with half a one. */
  #failed(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    // before another is made, for which there may be no room else
    connection?.destroy();
    const instead = this.#isOver ? undefined : connection?.spokeInstead;
    if (instead === undefined || !this.#translate(this.#host!, instead)) this.#cut('failed');
  }

  #hasRoom(data: Buffer): boolean {
    return this.#heldBytes + data.length <= MAX_HELD_BYTES && this.#held.length < MAX_HELD_PIECES;
  }

  // === from the request ===

  onRequestBody(data: Buffer): void {
    if (this.#isOver) return;
    if (this.#keepsSent && !this.#hasRoom(data)) this.#forgetSent();
    if (this.#connection !== undefined && !this.#isBlocked && !this.#keepsSent) {
      this.#isBlocked = !this.#connection.writeBody(data);
      return;
    }
    if (!this.#hasRoom(data)) return void this.#cut('dropped');
    this.#heldBytes += data.length;
    this.#held.push(Buffer.from(data));
    this.#flush();
  }
  onRequestEnd(trailers: Fields | undefined): void {
    if (this.#isOver) return;
    this.#end = { trailers: trailers?.copy() };
    this.#flush();
  }
  onRequestAborted(): void {
    this.#cut('dropped');
  }

  // === from the connection ===

  onUpstreamDrained(): void {
    this.#isBlocked = false;
    this.#flush();
  }
  onHead(head: ResponseHead): void {
    this.#host!.version.answered(this.#version);
    this.#forgetSent();
    // a switch of protocols that nobody asked for
    if (head.status === 101) return void this.#cut('failed');
    this.#isInterim = head.status < 200;
    if (this.#isInterim) this.#interims += 1;
    if (this.#interims > MAX_INTERIMS) this.#cut('failed');
  }
  onBody(data: Buffer): void {
    this.#discardedBytes += data.length;
    if (this.#discardedBytes > MAX_DISCARDED_BYTES) this.#cut('answered');
  }
  onMessageEnd(): void {
    if (this.#isInterim) return void this.#connection?.nextResponse();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.release();
    this.#finish('answered');
  }
  onError(): void {
    this.#failed();
  }
  onEof(): void {
    this.#failed();
  }
  onUpstreamClosed(): void {
    this.#failed();
  }

  // === the end ===

  #cut(result: MirrorResult): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
    this.#cancelConnect?.();
    this.#finish(result);
  }

  #finish(result: MirrorResult): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#held = [];
    if (this.#host !== undefined) {
      this.#backend.hosts.finished(this.#host, this.#context.timers.coarseMs(), undefined);
      this.#backend.breaker.leave(REQUESTS);
    }
    this.#done(result);
  }
}

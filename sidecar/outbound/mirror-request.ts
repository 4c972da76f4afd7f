import { HEADER_MIRROR } from '../../api/names.ts';
import type { Host } from '../balancers/host.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier, ResponseReceiver } from '../http1/client-connection.ts';
import type { RequestTee } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { Acquired } from '../http1/pool.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { REQUESTS } from '../layers/circuit-breaker.ts';
import type { Timer } from '../transport/timers.ts';
import type { Backend } from './backend.ts';

/** dropped: it could not keep up with its request, or was cut with it */
export type MirrorResult = 'answered' | 'failed' | 'dropped';

/** Of the body, while there is no connection yet or it takes nothing. */
const MAX_HELD_BYTES = 64 * 1024;
/** Of an answer, for the sake of its connection. */
const MAX_DISCARDED_BYTES = 1024 * 1024;
/** Before an answer: who sends them without end shall not keep us busy. */
const MAX_INTERIMS = 16;
const TIMEOUT_MS = 15_000;

/** One copy of a request on its way. Its request never waits for it: what it cannot take in time ends it. */
export class MirrorRequest implements RequestTee, ResponseReceiver {
  readonly #context: Context;
  readonly #backend: Backend;
  readonly #head: RequestHead;
  readonly #version: HttpVersion;
  readonly #done: (result: MirrorResult) => void;
  #host: Host | undefined;
  #connection: RequestCarrier | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isBlocked = false;
  #end: { readonly trailers: Fields | undefined } | undefined;
  #discardedBytes = 0;
  #isInterim = false;
  #interims = 0;
  #isOver = false;
  #timer: Timer | undefined;
  #cancelConnect: (() => void) | undefined;

  constructor(
    context: Context,
    backend: Backend,
    head: RequestHead,
    version: HttpVersion,
    done: (result: MirrorResult) => void,
  ) {
    this.#context = context;
    this.#backend = backend;
    this.#head = head;
    this.#version = version;
    this.#done = done;
  }

  start(): void {
    const { timers } = this.#context;
    const { breaker, hosts } = this.#backend;
    const nowMs = timers.coarseMs();
    const mayEnter = breaker.tryEnter(REQUESTS, nowMs);
    const host = mayEnter ? hosts.pick(nowMs, this.#backend.hash(this.#head), []) : undefined;
    if (host === undefined) {
      if (mayEnter) breaker.leave(REQUESTS);
      return void this.#finish('failed');
    }
    this.#host = host;
    hosts.started(host);
    this.#timer = timers.after(TIMEOUT_MS, () => this.#cut('failed'));
    const pool = this.#backend.pool(host, this.#version);
    const idle = pool.take();
    if (idle !== undefined) return void this.#begin(idle);
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
    const { endpoint, name } = this.#host!;
    // outside the mesh nobody is told
    if (endpoint.spiffeId !== undefined) this.#head.fields.add(HEADER_MIRROR, '1');
    connection.begin(this.#head, name, this);
    this.#flush();
  }

  #flush(): void {
    const connection = this.#connection;
    while (connection !== undefined && !this.#isBlocked && this.#held.length > 0) {
      const piece = this.#held.shift()!;
      this.#heldBytes -= piece.length;
      this.#isBlocked = !connection.writeBody(piece);
    }
    if (connection === undefined || this.#end === undefined || this.#held.length > 0) return;
    const { trailers } = this.#end;
    // once: the last chunk a second time would be the beginning of the next request
    this.#end = undefined;
    connection.endBody(trailers);
  }

  // === from the request ===

  onRequestBody(data: Buffer): void {
    if (this.#isOver) return;
    if (this.#connection !== undefined && !this.#isBlocked) {
      this.#isBlocked = !this.#connection.writeBody(data);
      return;
    }
    this.#heldBytes += data.length;
    if (this.#heldBytes > MAX_HELD_BYTES) return void this.#cut('dropped');
    this.#held.push(Buffer.from(data));
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
    this.#cut('failed');
  }
  onEof(): void {
    this.#cut('failed');
  }
  onUpstreamClosed(): void {
    this.#connection = undefined;
    this.#finish('failed');
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

import type { ErrorCode } from '../../api/errors.ts';
import { stripMeshFields } from '../layers/identity.ts';
import type { ReplayBuffer } from '../layers/replay-buffer.ts';
import { isIdempotent } from '../layers/retry-policy.ts';
import type { Limits } from '../limits.ts';
import { copy } from '../tcp/copy.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import type { RequestCarrier, ResponseReceiver } from './client-connection.ts';
import type { Exchange, RequestReceiver } from './exchange.ts';
import type { Fields } from './fields.ts';
import { opensTunnel, type ResponseHead } from './response-head.ts';
import type { HttpSyntaxError } from './syntax-error.ts';

/** Who decides about one attempt, and is told what becomes of it. */
export interface ForwardOwner {
  readonly timers: Timers;
  readonly limits: Limits;
  /** stands in as Host when an HTTP/1.0 request named none */
  readonly fallbackHost: string;
  /** false: fields in the mesh's name are taken out of the response */
  readonly trustsMeshFields: boolean;
  /** without a byte, of a connection that becomes a tunnel; 0: none, undefined: the sidecar's own */
  readonly tunnelIdleMs?: number | undefined;
  /** keeps the body for another attempt; undefined: there will be none */
  readonly replay: ReplayBuffer<Fields> | undefined;
  /** The response has begun, nothing of it was passed on. True: it is not wanted, another attempt follows. */
  onResponse(head: ResponseHead): boolean;
  /** No response, or half a one. `code` says which, `connection` what is known of it; true: another attempt follows. */
  onFailed(code: ErrorCode, reason: string, connection: RequestCarrier): boolean;
}

/** Of a response that is not passed on, so much is read for the sake of the connection, and no longer than lingerMs. */
const MAX_DISCARDED_BYTES = 64 * 1024;

/** One attempt: sends the request of an exchange over a connection and brings the response back. */
export class Forward implements RequestReceiver, ResponseReceiver {
  readonly #exchange: Exchange;
  readonly #connection: RequestCarrier;
  readonly #owner: ForwardOwner;
  #interim = false;
  #over = false;
  /** -1: the response is passed on */
  #discardedBytes = -1;
  #discardTimer: Timer | undefined = undefined;

  constructor(exchange: Exchange, connection: RequestCarrier, owner: ForwardOwner) {
    this.#exchange = exchange;
    this.#connection = connection;
    this.#owner = owner;
  }

  /** `body`: of a further attempt, all that the request has. */
  start(body: readonly Buffer[] | undefined): void {
    this.#connection.begin(this.#exchange.head, this.#owner.fallbackHost, this);
    for (const piece of body ?? []) this.#connection.writeBody(piece);
    this.#exchange.receive(this);
  }

  /** The response took too long: nothing of it is passed on any more. */
  giveUp(): void {
    this.#over = true;
    this.#connection.destroy();
  }

  // === request ===

  onRequestBody(data: Buffer): void {
    this.#owner.replay?.add(data);
    if (!this.#connection.writeBody(data)) this.#exchange.pauseRequest();
  }
  onUpstreamDrained(): void {
    this.#exchange.resumeRequest();
  }
  onRequestEnd(trailers: Fields | undefined): void {
    this.#owner.replay?.end(trailers);
    this.#connection.endBody(trailers);
  }
  onRequestAborted(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.destroy();
  }

  // === response ===

  onHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    if (exchange.aborted || this.#over) return;
    if (head.status === 101 || opensTunnel(head.status, exchange.head.method))
      return void this.#openTunnel(head);
    this.#interim = head.status < 200;
    if (!this.#interim && this.#owner.onResponse(head)) return void this.#discard();
    if (!this.#owner.trustsMeshFields) stripMeshFields(head.fields);
    if (!this.#interim) return void exchange.respond(head);
    if (!exchange.interim(head)) this.#connection.pause();
  }
  onBody(data: Buffer): void {
    if (this.#discardedBytes === -1) {
      if (!this.#exchange.respondBody(data)) this.#connection.pause();
      return;
    }
    this.#discardedBytes += data.length;
    if (this.#discardedBytes > MAX_DISCARDED_BYTES) this.#connection.destroy();
  }
  onResponseDrained(): void {
    this.#connection.resume();
  }
  onMessageEnd(trailers: Fields | undefined): void {
    if (this.#discardedBytes !== -1) {
      this.#discardTimer?.cancel();
      return void this.#connection.release();
    }
    if (this.#over) return;
    if (this.#interim) return void this.#connection.nextResponse();
    this.#over = true;
    // first the connection, so that a pipelined request finds it in the pool
    this.#connection.release();
    this.#exchange.respondEnd(trailers);
  }

  #discard(): void {
    const { timers, limits } = this.#owner;
    this.#over = true;
    this.#discardedBytes = 0;
    this.#discardTimer = timers.after(limits.lingerMs, () => this.#connection.destroy());
  }

  #openTunnel(head: ResponseHead): void {
    const exchange = this.#exchange;
    const wanted =
      head.status === 101 ? exchange.head.upgrade !== undefined && head.upgrade !== undefined : true;
    if (!wanted || !exchange.requestEnded)
      return void this.#fail('upstream-protocol', 'unasked switch of protocols');
    this.#over = true;
    this.#owner.onResponse(head);
    if (!this.#owner.trustsMeshFields) stripMeshFields(head.fields);
    const server = this.#connection.detach();
    const client = exchange.openTunnel(head);
    copy(client.channel, server.channel, {
      timers: this.#owner.timers,
      idleTimeoutMs: this.#owner.tunnelIdleMs ?? this.#owner.limits.idleTimeoutMs,
      fromClient: client.rest,
      fromServer: server.rest,
      onDone: () => exchange.finish(),
    });
  }

  // === what goes wrong ===

  onError(error: HttpSyntaxError): void {
    if (error.code === 'truncated') this.#fail('upstream-reset', error.message);
    else this.#fail('upstream-protocol', `${error.message} (${error.rule})`);
  }
  onEof(): void {
    this.#fail('upstream-reset', CLOSED);
  }
  onUpstreamClosed(): void {
    this.#fail('upstream-reset', CLOSED);
  }

  #fail(code: 'upstream-reset' | 'upstream-protocol', reason: string): void {
    if (this.#over) return void this.#connection.destroy();
    this.#over = true;
    this.#connection.destroy();
    if (!this.#owner.onFailed(code, reason, this.#connection)) this.#exchange.answer(code, reason);
  }
}

const CLOSED = 'the endpoint closed the connection';

/**
 * Whether a request may be sent a second time after a reused connection died under it: only when it is
 * idempotent (RFC 9110 9.2.2) and has no body.
 */
export function mayRepeat(exchange: Exchange): boolean {
  const { method, framing, upgrade } = exchange.head;
  const bodyless = framing.type === 'none' || (framing.type === 'length' && framing.length === 0);
  return isIdempotent(method) && bodyless && upgrade === undefined;
}

/** All that came of the request so far is here, and the rest can follow it to another endpoint. */
export function isHeld({ head }: Exchange, replay: ReplayBuffer<Fields> | undefined): boolean {
  const isBodyless = head.framing.type !== 'chunked' && head.framing.length === 0;
  return head.upgrade === undefined && (isBodyless || replay?.overflowed === false);
}

/** All of the request is here and can be sent again. */
export function isWhole({ head, requestEnded }: Exchange, replay: ReplayBuffer<Fields> | undefined): boolean {
  const isBodyless = head.framing.type !== 'chunked' && head.framing.length === 0;
  return requestEnded && head.upgrade === undefined && (isBodyless || replay?.isComplete === true);
}

import { stripMeshFields } from '../layers/identity.ts';
import type { Limits } from '../limits.ts';
import { copy } from '../tcp/copy.ts';
import type { Timers } from '../transport/timers.ts';
import type { ClientConnection, ResponseReceiver } from './client-connection.ts';
import type { Exchange, RequestReceiver } from './exchange.ts';
import type { Fields } from './fields.ts';
import { opensTunnel, type ResponseHead } from './response-head.ts';
import type { HttpSyntaxError } from './syntax-error.ts';

export interface ForwardOptions {
  /** stands in as Host when an HTTP/1.0 request named none */
  readonly fallbackHost: string;
  readonly timers: Timers;
  readonly limits: Limits;
  /**
   * Present when the request may be sent again: called instead of an error if the connection dies before
   * the first byte of a response.
   */
  readonly retry: (() => void) | undefined;
  /** false: fields in the mesh's name are taken out of the response */
  readonly trustMeshFields: boolean;
}

/** Sends the request of an exchange over a connection and brings the response back. */
export function forward(exchange: Exchange, connection: ClientConnection, options: ForwardOptions): void {
  new Forward(exchange, connection, options).start();
}

class Forward implements RequestReceiver, ResponseReceiver {
  readonly #exchange: Exchange;
  readonly #connection: ClientConnection;
  readonly #options: ForwardOptions;
  #interim = false;
  #over = false;

  constructor(exchange: Exchange, connection: ClientConnection, options: ForwardOptions) {
    this.#exchange = exchange;
    this.#connection = connection;
    this.#options = options;
  }

  start(): void {
    this.#connection.begin(this.#exchange.head, this.#options.fallbackHost, this);
    this.#exchange.receive(this);
  }

  // === request ===

  onRequestBody(data: Buffer): void {
    if (!this.#connection.writeBody(data)) this.#exchange.pauseRequest();
  }
  onUpstreamDrained(): void {
    this.#exchange.resumeRequest();
  }
  onRequestEnd(trailers: Fields | undefined): void {
    this.#connection.endBody(trailers);
  }
  onRequestAborted(): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.destroy();
  }

  // === response ===

  onHead(head: ResponseHead): void {
    if (this.#exchange.aborted) return;
    if (!this.#options.trustMeshFields) stripMeshFields(head.fields);
    const { method } = this.#exchange.head;
    if (head.status === 101 || opensTunnel(head.status, method)) return void this.#openTunnel(head);
    this.#interim = head.status < 200;
    if (this.#interim) {
      if (!this.#exchange.interim(head)) this.#connection.pause();
      return;
    }
    this.#exchange.trail.respondedMs = this.#options.timers.nowMs();
    this.#exchange.respond(head);
  }
  onBody(data: Buffer): void {
    if (!this.#exchange.respondBody(data)) this.#connection.pause();
  }
  onResponseDrained(): void {
    this.#connection.resume();
  }
  onMessageEnd(trailers: Fields | undefined): void {
    if (this.#over) return;
    if (this.#interim) return void this.#connection.nextResponse();
    this.#over = true;
    // first the connection, so that a pipelined request finds it in the pool
    this.#connection.release();
    this.#exchange.respondEnd(trailers);
  }

  #openTunnel(head: ResponseHead): void {
    const exchange = this.#exchange;
    const wanted =
      head.status === 101 ? exchange.head.upgrade !== undefined && head.upgrade !== undefined : true;
    if (!wanted || !exchange.requestEnded)
      return void this.#fail('upstream-protocol', 'unasked switch of protocols');
    this.#over = true;
    const server = this.#connection.detach();
    const client = exchange.openTunnel(head);
    copy(client.channel, server.channel, {
      timers: this.#options.timers,
      idleTimeoutMs: this.#options.limits.idleTimeoutMs,
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
    this.#died();
  }
  onUpstreamClosed(): void {
    this.#died();
  }

  #died(): void {
    const { retry } = this.#options;
    if (this.#over || retry === undefined || this.#connection.sawResponse) {
      return void this.#fail('upstream-reset', 'the endpoint closed the connection');
    }
    this.#over = true;
    this.#connection.destroy();
    retry();
  }

  #fail(code: 'upstream-reset' | 'upstream-protocol', reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.destroy();
    this.#exchange.answer(code, reason);
  }
}

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/**
 * Whether a request may be sent a second time after a reused connection died under it: only when it is
 * idempotent (RFC 9110 9.2.2) and has no body.
 */
export function mayRepeat(exchange: Exchange): boolean {
  const { method, framing, upgrade } = exchange.head;
  const bodyless = framing.type === 'none' || (framing.type === 'length' && framing.length === 0);
  return IDEMPOTENT.has(method) && bodyless && upgrade === undefined;
}

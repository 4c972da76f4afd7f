import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { Exchange, type ExchangeTransport } from '../http1/exchange.ts';
import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { Tunnel } from '../tcp/copy.ts';
import { H2_ERROR } from './error-codes.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { malformed } from './message-error.ts';
import type { ServerConnection } from './server-connection.ts';
import { Stream } from './stream.ts';
import { StreamChannel } from './stream-channel.ts';
import { readTrailers } from './trailers.ts';

/** A request that came on a stream, and the way of its response. */
export class ServerStream extends Stream implements ExchangeTransport {
  readonly #server: ServerConnection;
  readonly exchange: Exchange;
  /** CONNECT and its like: the request is its head, what follows belongs to the tunnel */
  readonly #opensTunnel: boolean;
  #tunnel: StreamChannel | undefined;
  /** of the response all was given to the outbox */
  #responded = false;

  constructor(server: ServerConnection, head: RequestHead) {
    super(server);
    this.#server = server;
    this.exchange = new Exchange(head, this, server.timers.nowMs(), true);
    this.#opensTunnel = head.upgrade !== undefined || head.method === 'CONNECT';
    this.inbox.pause();
    if (head.framing.type === 'length') this.expectedBytes = head.framing.length;
  }

  /** END_STREAM came with the head. */
  endRequest(): void {
    this.remoteEnded = true;
    this.inbox.end(undefined);
  }

  // === from the client ===

  override receiveHeaders(list: readonly HeaderField[], count: number, endsStream: boolean): void {
    if (!endsStream) malformed('RFC 9113 8.1', 'a second header block that does not end the stream');
    this.receiveTrailers(readTrailers(list, count));
  }
  override onBody(data: Buffer): void {
    if (this.#tunnel !== undefined) this.#tunnel.received(data);
    else if (!this.#responded) this.exchange.requestBody(data);
  }
  override onHeld(): void {}
  override onEnd(trailers: Fields | undefined): void {
    if (this.#tunnel !== undefined) return void this.#tunnel.peerEnded();
    if (this.exchange.requestEnded || this.exchange.aborted) return;
    this.exchange.requestEnd(trailers);
  }
  override onDrained(): void {
    if (this.#tunnel !== undefined) this.#tunnel.drained();
    else if (!this.#responded) this.exchange.responseDrained();
  }
  override onReset(): void {
    this.#lose();
  }
  override onLost(): void {
    this.#lose();
  }
  override onFailed(code: number, reason: string): void {
    const { exchange } = this;
    if (this.#tunnel === undefined && !this.#responded) {
      const error: ErrorCode = code === H2_ERROR.cancel ? 'timeout' : 'bad-request';
      exchange.error = error;
      exchange.trail.reason = reason;
      exchange.status ||= ERRORS[error].httpStatus;
    }
    this.#lose();
  }
  #lose(): void {
    if (this.#tunnel !== undefined) this.#tunnel.lost();
    else this.exchange.requestAborted();
  }
  override onIdle(): void {
    if (this.#tunnel !== undefined) return;
    if (this.#responded) return void this.reset(H2_ERROR.cancel);
    const { exchange } = this;
    if (exchange.responseStarted) exchange.error = 'timeout';
    exchange.answer('timeout', 'idle for too long');
  }
  override onLocalEnd(): void {
    // the rest of the request is not wanted (RFC 9113 8.1)
    if (!this.remoteEnded && this.#tunnel === undefined) return void this.reset(H2_ERROR.none);
    this.#tunnel?.sent();
    super.onLocalEnd();
  }

  // === what the exchange asks for ===

  resumeRequest(): void {
    if (!this.#opensTunnel) return void this.inbox.resume();
    if (!this.exchange.requestEnded) this.exchange.requestEnd(undefined);
  }
  pauseRequest(): void {
    this.inbox.pause();
  }
  setIdleTimeout(idleTimeoutMs: number): void {
    this.idleTimeoutMs = idleTimeoutMs;
    this.touch();
  }

  writeInterim(head: ResponseHead): boolean {
    this.writeHead(head);
    // an endpoint of HTTP/1 may send them without end
    return this.outbox.mayGoOn();
  }
  writeHead(head: ResponseHead): void {
    if (!this.localEnded) this.connection.heads.response(this.id, head, false);
  }
  writeBody(data: Buffer): boolean {
    return this.outbox.write(data);
  }
  writeEnd(trailers: Fields | undefined): void {
    this.#responded = true;
    // what still comes is dropped, and its window given back
    this.inbox.resume();
    this.outbox.end(trailers);
    this.exchange.finish();
    this.#server.onExchangeOver();
  }
  writeTunnelHead(head: ResponseHead): Tunnel {
    this.writeHead(head);
    this.idleTimeoutMs = 0;
    this.#tunnel = new StreamChannel(this);
    if (this.isClosed) this.#tunnel.lost();
    else this.#server.keepTunnel(this);
    return { channel: this.#tunnel, rest: NOTHING };
  }
  abort(): void {
    this.reset(H2_ERROR.internal);
  }
}

const NOTHING = Buffer.alloc(0);

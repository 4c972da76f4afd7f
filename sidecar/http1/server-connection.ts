import type { ErrorCode } from '../../api/errors.ts';
import { ERRORS } from '../../api/errors.ts';
import type { Limits } from '../limits.ts';
import type { Tunnel } from '../tcp/copy.ts';
import type { Channel, ChannelOwner } from '../transport/channel.ts';
import { lingeringClose } from '../transport/close.ts';
import { IdleWatch, type Timer, type Timers } from '../transport/timers.ts';
import { BodyWriter } from './body-writer.ts';
import { Exchange, type ExchangeTransport, type HttpHandler } from './exchange.ts';
import type { Fields } from './fields.ts';
import { framingFor, NO_BODY } from './framing.ts';
import { errorHead } from './mesh-answer.ts';
import { MessageParser, type MessageSink } from './message-parser.ts';
import { parseRequestHead, type RequestHead } from './request-head.ts';
import { type ResponseHead, serializeResponseHead } from './response-head.ts';
import type { HttpSyntaxError } from './syntax-error.ts';

export interface ServerOptions {
  readonly limits: Limits;
  readonly timers: Timers;
  readonly handler: HttpHandler;
  readonly isDraining: () => boolean;
  /**
   * A message was refused before there was an exchange to record it on, or a client was too slow. `isGrpc`: it was a
   * call, and got the status of the code.
   */
  readonly onRefused: (code: ErrorCode, reason: string, isGrpc?: boolean) => void;
}

/**
 * The client's end of HTTP/1: reads requests one after another (pipelined ones wait, RFC 9112 9.3.2), hands
 * each to the handler and writes its response.
 */
export class ServerConnection implements MessageSink<RequestHead>, ExchangeTransport, ChannelOwner {
  readonly #channel: Channel;
  readonly #options: ServerOptions;
  readonly #parser: MessageParser<RequestHead>;
  readonly #idle: IdleWatch;
  #idleTimeoutMs: number;
  #headTimer: Timer | undefined;
  #lastCall: Timer | undefined;
  #hasLastCall = true;
  #exchange: Exchange | undefined;
  readonly #writer: BodyWriter;
  #keepAlive = true;
  #closing = false;
  /** answered, and what was written waits for the client to read it */
  #flushing = false;

  constructor(channel: Channel, options: ServerOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#parser = new MessageParser(parseRequestHead, this, options.limits, 'requests');
    this.#writer = new BodyWriter(channel);
    this.#idleTimeoutMs = options.limits.idleTimeoutMs;
    this.#idle = new IdleWatch(options.timers, this.#idleTimeoutMs, () => this.#onIdle());
  }

  /** Other limits than the sidecar's own, from now on. An idle timeout of 0 is none. */
  setLimits(maxHeaderBytes: number, idleTimeoutMs: number): void {
    if (this.#closing) return;
    this.#parser.maxHeaderBytes = maxHeaderBytes;
    this.#idleTimeoutMs = this.#idle.timeoutMs = idleTimeoutMs;
  }

  /** `initial`: bytes read before the protocol was known. */
  start(initial: Buffer): void {
    this.#channel.owner = this;
    if (initial.length > 0) this.onData(initial);
    if (this.#closing) return;
    if (this.#channel.ended) this.#parser.end();
    else if (this.#mayRead) this.#channel.resume();
  }

  /** No further request, but one that is on its way: closed under it, a client could not know what became of it. */
  drain(hasLastCall = this.#hasLastCall): void {
    this.#hasLastCall = hasLastCall;
    if (this.#exchange !== undefined || this.#closing) return;
    if (!hasLastCall && this.#parser.isIdle) return void this.#close();
    const { timers, limits } = this.#options;
    this.#lastCall ??= timers.after(limits.lastCallMs, () => {
      if (this.#exchange === undefined && this.#parser.isIdle) this.#close();
    });
  }

  // === from the channel ===

  onData(bytes: Buffer): void {
    this.#idle.touch();
    this.#parser.push(bytes);
    this.#watchHead();
    if (!this.#mayRead) this.#channel.pause();
  }
  onEnd(): void {
    this.#parser.end();
  }
  onDrain(): void {
    this.#idle.touch();
    this.#exchange?.responseDrained();
    if (!this.#flushing) return;
    this.#flushing = false;
    this.#nextRequest();
  }
  onClose(): void {
    this.#closing = true;
    this.#idle.cancel();
    this.#headTimer?.cancel();
    this.#lastCall?.cancel();
    this.#exchange?.requestAborted();
  }

  get #mayRead(): boolean {
    return this.#parser.heldBytes <= this.#options.limits.maxHeldBytes;
  }

  /** A request head that has begun must end in time, whatever is sent slowly. */
  #watchHead(): void {
    const isBetween = this.#exchange === undefined && !this.#flushing;
    const waiting = isBetween && !this.#parser.isIdle && !this.#closing;
    if (!waiting) {
      this.#headTimer?.cancel();
      this.#headTimer = undefined;
      return;
    }
    this.#headTimer ??= this.#options.timers.after(this.#options.limits.headerTimeoutMs, () => {
      this.#options.onRefused('timeout', 'the request header took too long');
      this.#channel.destroy();
    });
  }

  #onIdle(): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return void this.#channel.destroy();
    if (exchange.responseStarted) exchange.error = 'timeout';
    exchange.answer('timeout', 'idle for too long');
    this.#channel.destroySoon();
  }

  // === from the parser ===

  onHead(head: RequestHead): void {
    this.#parser.pause();
    const exchange = new Exchange(head, this, this.#options.timers.nowMs());
    this.#exchange = exchange;
    this.#watchHead();
    this.#options.handler(exchange);
  }
  onBody(data: Buffer): void {
    this.#exchange?.requestBody(data);
  }
  onMessageEnd(trailers: Fields | undefined): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    exchange.requestEnd(trailers);
    this.#finishIfComplete(exchange);
  }
  onError(error: HttpSyntaxError): void {
    const exchange = this.#exchange;
    if (error.code === 'truncated') {
      exchange?.requestAborted();
      // the answer to an earlier request may be on its way
      return void this.#channel.destroySoon();
    }
    const reason = `${error.message} (${error.rule})`;
    if (exchange === undefined) return void this.#refuse(error.code, reason);
    // a body that breaks the framing: what was forwarded of it must not look complete
    const started = exchange.responseStarted;
    exchange.error = error.code;
    exchange.trail.reason = reason;
    exchange.status ||= ERRORS[error.code].httpStatus;
    exchange.requestAborted();
    if (started) return void this.#channel.abort();
    this.#writeRefusal(error.code);
  }
  onEof(): void {
    this.#close();
  }

  #refuse(code: 'bad-request' | 'header-too-large', reason: string): void {
    this.#options.onRefused(code, reason);
    this.#writeRefusal(code);
  }

  #writeRefusal(code: 'bad-request' | 'header-too-large'): void {
    const body = Buffer.from(`${JSON.stringify({ error: code, message: ERRORS[code].message })}\n`);
    const head = errorHead(code, body.length, 'GET');
    this.#channel.write(serializeResponseHead(head, head.framing, 'close'));
    this.#channel.write(body);
    this.#close();
  }

  // === what the exchange asks for ===

  resumeRequest(): void {
    this.#parser.resume();
    if (!this.#closing && this.#mayRead) this.#channel.resume();
  }
  setIdleTimeout(idleTimeoutMs: number): void {
    // a pipelined request's bytes may have come long before its turn
    this.#idle.touch();
    this.#idle.timeoutMs = idleTimeoutMs;
  }
  pauseRequest(): void {
    this.#parser.pause();
    this.#channel.pause();
  }

  writeInterim(head: ResponseHead): boolean {
    return this.#channel.write(serializeResponseHead(head, NO_BODY, undefined));
  }

  writeHead(head: ResponseHead, mayKeepAlive: boolean): void {
    const request = this.#exchange!.head;
    const framing = framingFor(head.framing, request.minorVersion);
    this.#keepAlive =
      mayKeepAlive &&
      request.keepAlive &&
      framing.type !== 'close' &&
      !this.#isEarlyRefusal(head.status) &&
      !this.#options.isDraining();
    this.#writer.head(serializeResponseHead(head, framing, this.#connectionField(request)), framing);
  }

  /** The rest of the request is not wanted: the connection will end, so the client is told (RFC 9110 15.5.14). */
  #isEarlyRefusal(status: number): boolean {
    if (status !== 413 && status !== 417) return false;
    const exchange = this.#exchange!;
    return !exchange.requestEnded && exchange.head.framing.type !== 'none';
  }

  #connectionField(request: RequestHead): string | undefined {
    if (!this.#keepAlive) return 'close';
    return request.minorVersion === 0 ? 'keep-alive' : undefined;
  }

  writeBody(data: Buffer): boolean {
    this.#idle.touch();
    return this.#writer.body(data);
  }

  writeEnd(trailers: Fields | undefined): void {
    this.#writer.end(trailers);
    if (this.#exchange !== undefined) this.#finishIfComplete(this.#exchange);
  }

  /** the request that made this connection a tunnel */
  tunnels: readonly Exchange[] = [];

  writeTunnelHead(head: ResponseHead): Tunnel {
    const connection = head.upgrade === undefined ? undefined : 'Upgrade';
    this.#channel.write(serializeResponseHead(head, NO_BODY, connection));
    this.#idle.cancel();
    this.#closing = true;
    if (this.#exchange !== undefined) this.tunnels = [this.#exchange];
    this.#exchange = undefined;
    this.#channel.pause();
    this.#channel.disown();
    return { channel: this.#channel, rest: this.#parser.detach() };
  }

  abort(): void {
    this.#channel.abort();
  }

  // === between requests ===

  #finishIfComplete(exchange: Exchange): void {
    if (!exchange.responseEnded || this.#closing) return;
    if (!this.#keepAlive) {
      exchange.finish();
      return void this.#close();
    }
    // a response that ends before its request: the rest cannot be told from a next request in time
    if (!exchange.requestEnded) {
      if (exchange.head.framing.type === 'none') return;
      exchange.finish();
      return void this.#close();
    }
    this.#exchange = undefined;
    exchange.finish();
    this.#idle.timeoutMs = this.#idleTimeoutMs;
    // or the answers to pipelined requests would pile up for a client that does not read them
    this.#flushing = this.#channel.needsDrain;
    if (!this.#flushing) this.#nextRequest();
  }

  #nextRequest(): void {
    if (this.#closing) return;
    this.#parser.resume();
    this.#parser.next();
    this.#watchHead();
    if (this.#options.isDraining()) this.drain();
    if (!this.#closing) this.#channel.resume();
  }

  #close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#exchange = undefined;
    this.#idle.cancel();
    this.#headTimer?.cancel();
    this.#lastCall?.cancel();
    this.#parser.detach();
    const { timers, limits } = this.#options;
    lingeringClose(this.#channel, { timers, ...limits });
  }
}

import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { HEADER_ERROR } from '../../api/names.ts';
import { Trail } from '../layers/trail.ts';
import type { Channel } from '../transport/channel.ts';
import { Fields } from './fields.ts';
import { NO_BODY } from './framing.ts';
import type { RequestHead } from './request-head.ts';
import { ResponseHead } from './response-head.ts';

/** Where the rest of a request goes, and who is told when the client takes more of the response. */
export interface RequestReceiver {
  onRequestBody(data: Buffer): void;
  onRequestEnd(trailers: Fields | undefined): void;
  /** the client went away or broke the protocol; nothing more comes */
  onRequestAborted(): void;
  onResponseDrained(): void;
}

export interface FinishListener {
  onExchangeFinished(exchange: Exchange): void;
}
const NO_LISTENERS: readonly FinishListener[] = [];

/** The client's side of an exchange, as the server connection provides it. */
export interface ExchangeTransport {
  /** Begins to deliver the request's body. */
  resumeRequest(): void;
  pauseRequest(): void;
  /** False, as of `writeBody`: wait for `onResponseDrained`. */
  writeInterim(head: ResponseHead): boolean;
  /** `mayKeepAlive` false: the connection ends with this response. */
  writeHead(head: ResponseHead, mayKeepAlive: boolean): void;
  writeBody(data: Buffer): boolean;
  writeEnd(trailers: Fields | undefined): void;
  writeTunnelHead(head: ResponseHead): { readonly channel: Channel; readonly rest: Buffer };
  abort(): void;
  setIdleTimeout(idleTimeoutMs: number): void;
}

/** One request and its response. Layers read and change it; the server connection moves its bytes. */
export class Exchange {
  readonly head: RequestHead;
  readonly trail = new Trail();
  readonly #transport: ExchangeTransport;
  #receiver: RequestReceiver | undefined;
  #requestEnded = false;
  #trailers: Fields | undefined;
  #finished = false;
  #finishListeners: readonly FinishListener[] = NO_LISTENERS;
  status = 0;
  error: ErrorCode | undefined;
  responseStarted = false;
  responseEnded = false;
  aborted = false;

  constructor(head: RequestHead, transport: ExchangeTransport, startedMs: number) {
    this.head = head;
    this.#transport = transport;
    this.trail.startedMs = startedMs;
  }

  get requestEnded(): boolean {
    return this.#requestEnded;
  }

  /** Told once when the exchange is over, however it ended. */
  onFinish(listener: FinishListener): void {
    this.#finishListeners = [...this.#finishListeners, listener];
  }

  /** How long this exchange may go without a byte; 0: for ever. */
  setIdleTimeout(idleTimeoutMs: number): void {
    this.#transport.setIdleTimeout(idleTimeoutMs);
  }

  // === the request's way ===

  /** From here on the body goes to `receiver`; an end that came before is delivered at once. */
  receive(receiver: RequestReceiver): void {
    this.#receiver = receiver;
    if (this.#requestEnded) receiver.onRequestEnd(this.#trailers);
    else this.#transport.resumeRequest();
  }
  pauseRequest(): void {
    this.#transport.pauseRequest();
  }
  resumeRequest(): void {
    if (!this.#requestEnded) this.#transport.resumeRequest();
  }
  requestBody(data: Buffer): void {
    this.#receiver?.onRequestBody(data);
  }
  requestEnd(trailers: Fields | undefined): void {
    this.#requestEnded = true;
    this.#trailers = trailers;
    this.#receiver?.onRequestEnd(trailers);
  }
  requestAborted(): void {
    if (this.aborted || this.responseEnded) return;
    this.aborted = true;
    this.#receiver?.onRequestAborted();
    this.finish();
  }
  responseDrained(): void {
    this.#receiver?.onResponseDrained();
  }

  // === the response's way ===

  interim(head: ResponseHead): boolean {
    const isWanted = !this.responseStarted && this.head.minorVersion === 1;
    return !isWanted || this.#transport.writeInterim(head);
  }
  respond(head: ResponseHead, mayKeepAlive = true): void {
    this.responseStarted = true;
    this.status = head.status;
    this.#transport.writeHead(head, mayKeepAlive);
  }
  respondBody(data: Buffer): boolean {
    return this.#transport.writeBody(data);
  }
  respondEnd(trailers: Fields | undefined): void {
    this.responseEnded = true;
    this.#transport.writeEnd(trailers);
  }
  /** Sends the head that opens a tunnel; what follows on both sides is opaque. */
  openTunnel(head: ResponseHead): { readonly channel: Channel; readonly rest: Buffer } {
    this.responseStarted = this.responseEnded = true;
    this.status = head.status;
    return this.#transport.writeTunnelHead(head);
  }

  /** An answer the mesh itself makes. Too late for one: the exchange is cut. */
  answer(code: ErrorCode, reason = ''): void {
    if (this.aborted || this.responseEnded) return;
    this.error = code;
    this.trail.reason = reason;
    if (this.responseStarted) return void this.abort();
    this.#dropReceiver();
    const body = Buffer.from(`${JSON.stringify({ error: code, message: ERRORS[code].message })}\n`);
    this.respond(errorHead(code, body.length, this.head.method), this.head.framing.type === 'none');
    if (this.head.method !== 'HEAD') this.respondBody(body);
    this.respondEnd(undefined);
    if (this.head.framing.type === 'none') this.receive(NOBODY_LISTENS);
  }
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    this.#dropReceiver();
    this.#transport.abort();
    this.finish();
  }
  #dropReceiver(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.onRequestAborted();
  }
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    for (const listener of this.#finishListeners) listener.onExchangeFinished(this);
  }
}

const NOBODY_LISTENS: RequestReceiver = {
  onRequestBody: () => {},
  onRequestEnd: () => {},
  onRequestAborted: () => {},
  onResponseDrained: () => {},
};

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  508: 'Loop Detected',
};

export function errorHead(code: ErrorCode, length: number, method: string): ResponseHead {
  const status = ERRORS[code].httpStatus;
  const fields = new Fields();
  fields.add(HEADER_ERROR, code);
  fields.add('Content-Type', 'application/json');
  const isHead = method === 'HEAD';
  return new ResponseHead(
    status,
    REASONS[status] ?? '',
    fields,
    isHead ? NO_BODY : { type: 'length', length },
    {
      describedLength: isHead ? length : -1,
    },
  );
}

export type HttpHandler = (exchange: Exchange) => void;
/** One behaviour around the rest of the path. A layer that is off is not in the chain. */
export type HttpLayer = (next: HttpHandler) => HttpHandler;

/** The first layer sees a request first. */
export function compose(layers: readonly HttpLayer[], last: HttpHandler): HttpHandler {
  return layers.reduceRight((next, layer) => layer(next), last);
}

import { ERRORS, type ErrorCode } from '../../api/errors.ts';
import { HEADER_REQUEST_ID } from '../../api/names.ts';
import { grpcStatus, isGrpc, NO_GRPC_STATUS } from '../layers/grpc.ts';
import { NO_TOKENS, type VerifiedTokens } from '../layers/jwt-claims.ts';
import { Trail } from '../layers/trail.ts';
import type { Tunnel } from '../tcp/copy.ts';
import type { Protocol } from '../telemetry/request-meters.ts';
import type { Fields } from './fields.ts';
import { type ExtraField, errorBody, errorHead, grpcErrorHead, NO_FIELDS } from './mesh-answer.ts';
import type { RequestHead } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';

/** Where the rest of a request goes, and who is told when the client takes more of the response. */
export interface RequestReceiver {
  onRequestBody(data: Buffer): void;
  onRequestEnd(trailers: Fields | undefined): void;
  /** the client went away or broke the protocol; nothing more comes */
  onRequestAborted(): void;
  onResponseDrained(): void;
}

/** Gets a copy of a request's body as it comes; the bytes are valid during the call only. */
export interface RequestTee {
  onRequestBody(data: Buffer): void;
  onRequestEnd(trailers: Fields | undefined): void;
  /** what comes is not the whole request */
  onRequestAborted(): void;
}

/** Stands between a response's body and the client, to let it go at a pace of its own. */
export interface ResponseGate {
  /** False: wait for `onResponseDrained`. Bytes that are not sent at once are copied. */
  body(data: Buffer): boolean;
  end(trailers: Fields | undefined): void;
  /** the client took what was sent */
  drained(): void;
  cancel(): void;
}

export interface FinishListener {
  onExchangeFinished(exchange: Exchange): void;
}
/** The client behind a gate. */
export interface GatedResponse {
  body(data: Buffer): boolean;
  end(trailers: Fields | undefined): void;
  /** more may come */
  drained(): void;
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
  writeTunnelHead(head: ResponseHead): Tunnel;
  abort(): void;
  setIdleTimeout(idleTimeoutMs: number): void;
}

/** One request and its response. Layers read and change it; the server connection moves its bytes. */
export class Exchange {
  readonly head: RequestHead;
  readonly protocol: Protocol;
  readonly trail = new Trail();
  readonly #transport: ExchangeTransport;
  #receiver: RequestReceiver | undefined;
  #requestEnded = false;
  #trailers: Fields | undefined;
  #finished = false;
  #tee: RequestTee | undefined;
  #gate: ResponseGate | undefined;
  #finishListeners: readonly FinishListener[] = NO_LISTENERS;
  /** those that came with the request and were verified */
  tokens: VerifiedTokens = NO_TOKENS;
  status = 0;
  /** of a gRPC call: -1 until it is known */
  grpcStatus = NO_GRPC_STATUS;
  error: ErrorCode | undefined;
  responseStarted = false;
  responseEnded = false;
  aborted = false;

  constructor(head: RequestHead, transport: ExchangeTransport, startedMs: number, isHttp2 = false) {
    this.head = head;
    this.protocol = !isHttp2 ? 'http1' : isGrpc(head) ? 'grpc' : 'http2';
    this.#transport = transport;
    this.trail.startedMs = startedMs;
  }

  /** of HTTP; what it goes on in, too */
  get version(): 'http1' | 'http2' {
    return this.protocol === 'http1' ? 'http1' : 'http2';
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
  /** Before `receive`. */
  tee(tee: RequestTee): void {
    this.#tee = tee;
    if (this.#requestEnded) tee.onRequestEnd(this.#trailers);
  }
  requestBody(data: Buffer): void {
    this.#tee?.onRequestBody(data);
    this.#receiver?.onRequestBody(data);
  }
  requestEnd(trailers: Fields | undefined): void {
    this.#requestEnded = true;
    this.#trailers = trailers;
    this.#tee?.onRequestEnd(trailers);
    this.#receiver?.onRequestEnd(trailers);
  }
  requestAborted(): void {
    if (this.aborted || this.responseEnded) return;
    this.aborted = true;
    this.#receiver?.onRequestAborted();
    this.finish();
  }
  responseDrained(): void {
    if (this.#gate === undefined) this.#receiver?.onResponseDrained();
    else this.#gate.drained();
  }

  // === the response's way ===

  interim(head: ResponseHead): boolean {
    const isWanted = !this.responseStarted && this.head.minorVersion === 1;
    return !isWanted || this.#transport.writeInterim(head);
  }
  respond(head: ResponseHead, mayKeepAlive = true): void {
    this.responseStarted = true;
    this.status = head.status;
    if (this.protocol === 'grpc') this.grpcStatus = grpcStatus(head.fields);
    this.#transport.writeHead(head, mayKeepAlive);
  }
  respondBody(data: Buffer): boolean {
    return this.#gate === undefined ? this.#transport.writeBody(data) : this.#gate.body(data);
  }
  respondEnd(trailers: Fields | undefined): void {
    if (this.#gate === undefined) this.#writeEnd(trailers);
    else this.#gate.end(trailers);
  }
  #writeEnd(trailers: Fields | undefined): void {
    this.responseEnded = true;
    if (trailers !== undefined && this.protocol === 'grpc' && this.grpcStatus === NO_GRPC_STATUS) {
      this.grpcStatus = grpcStatus(trailers);
    }
    this.#transport.writeEnd(trailers);
  }
  /** Before the response: from here on its body goes through the gate that `create` makes. */
  gateResponse(create: (to: GatedResponse) => ResponseGate): void {
    this.#gate = create({
      body: (data) => this.#transport.writeBody(data),
      end: (trailers) => this.#writeEnd(trailers),
      drained: () => this.#receiver?.onResponseDrained(),
    });
  }
  /** Sends the head that opens a tunnel; what follows on both sides is opaque. */
  openTunnel(head: ResponseHead): Tunnel {
    this.responseStarted = this.responseEnded = true;
    this.status = head.status;
    return this.#transport.writeTunnelHead(head);
  }

  /**
   * An answer the mesh itself makes, with further fields if any. Too late for one: the exchange is cut. `status`:
   * other than the code's own.
   */
  answer(
    code: ErrorCode,
    reason = '',
    fields: readonly ExtraField[] = NO_FIELDS,
    status: number = ERRORS[code].httpStatus,
  ): void {
    if (this.aborted || this.responseEnded) return;
    this.error = code;
    this.trail.reason = reason;
    if (this.responseStarted) return void this.abort();
    const isGrpc = this.protocol === 'grpc';
    const body = isGrpc ? undefined : errorBody(code);
    const head =
      body === undefined
        ? grpcErrorHead(code, fields, status)
        : errorHead(code, body.length, this.head.method, fields, status);
    if (this.trail.requestId !== '') head.fields.add(HEADER_REQUEST_ID, this.trail.requestId);
    this.reply(head, body);
  }
  /** A whole response that comes from here. The body is not sent to HEAD. */
  reply(head: ResponseHead, body: Buffer | undefined): void {
    this.#dropReceiver();
    this.#gate = undefined;
    this.respond(head, this.head.framing.type === 'none');
    if (body !== undefined && this.head.method !== 'HEAD') this.respondBody(body);
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
    this.#gate?.cancel();
    if (!this.#requestEnded) this.#tee?.onRequestAborted();
    for (const listener of this.#finishListeners) listener.onExchangeFinished(this);
  }
}

const NOBODY_LISTENS: RequestReceiver = {
  onRequestBody: () => {},
  onRequestEnd: () => {},
  onRequestAborted: () => {},
  onResponseDrained: () => {},
};

export type HttpHandler = (exchange: Exchange) => void;
/** One behaviour around the rest of the path. A layer that is off is not in the chain. */
export type HttpLayer = (next: HttpHandler) => HttpHandler;

/** The first layer sees a request first. */
export function compose(layers: readonly HttpLayer[], last: HttpHandler): HttpHandler {
  return layers.reduceRight((next, layer) => layer(next), last);
}

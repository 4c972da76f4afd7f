import type { ResponseReceiver } from '../http1/client-connection.ts';
import { FieldLines, type Fields } from '../http1/fields.ts';
import { CHUNKED, type Hop, NO_BODY } from '../http1/framing.ts';
import { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { ClientConnection } from '../http2/client-connection.ts';
import type { ClientStream } from '../http2/client-stream.ts';
import { DEFAULT_HTTP2_LIMITS } from '../http2/limits.ts';
import type { Limits } from '../limits.ts';
import type { Dial, DialResult } from '../transport/dial.ts';
import type { Timer, Timers } from '../transport/timers.ts';
import { grpcStatus, NO_GRPC_STATUS } from './grpc.ts';
import {
  HEALTH_ANSWER_MAX_BYTES,
  HEALTH_ANSWER_TOO_LONG,
  HEALTH_METHOD,
  healthRequest,
  readHealth,
} from './grpc-health.ts';
import { isFit, isHealthy, UNFIT, USER_AGENT } from './http-probe.ts';

/** Who is asked, and how long all of it may take. */
export interface Http2ProbeTarget {
  readonly dial: Dial;
  /** the authority of the request */
  readonly host: string;
  readonly timers: Timers;
  readonly limits: Limits;
  readonly timeoutMs: number;
}

/** `speaksHttp1`: the answer was HTTP/1, so nothing was done about the request. */
export type Http2Done = (ok: boolean, reason: string, speaksHttp1: boolean) => void;

const HOP: Hop = { close: false, keepAlive: true, upgrade: undefined, trailers: false, nominates: false };
const GRPC_HOP: Hop = { ...HOP, trailers: true };
const NOTHING = Buffer.alloc(0);

/** As `probeHttp`, over HTTP/2 with prior knowledge. */
export function probeHttp2(target: Http2ProbeTarget, path: string, done: Http2Done): () => void {
  const fields = new FieldLines();
  fields.add('user-agent', USER_AGENT);
  fields.add('accept', '*/*');
  const head = new RequestHead('GET', target.host, 1, fields, NO_BODY, HOP);
  head.target = path;
  return ask(target, head, undefined, done);
}

/** A host is healthy whose gRPC health service answers SERVING. @param service empty: the whole server */
export function probeGrpc(target: Http2ProbeTarget, service: string, done: Http2Done): () => void {
  const fields = new FieldLines();
  fields.add('user-agent', USER_AGENT);
  fields.add('content-type', 'application/grpc');
  const head = new RequestHead('POST', target.host, 1, fields, CHUNKED, GRPC_HOP);
  head.target = HEALTH_METHOD;
  return ask(target, head, healthRequest(service), done);
}

function ask(
  target: Http2ProbeTarget,
  head: RequestHead,
  message: Buffer | undefined,
  done: Http2Done,
): () => void {
  const probe = new Http2Probe(head, message, done);
  probe.start(target);
  return () => probe.cancel();
}

/**
 * One request over a connection of its own, which is closed as soon as the answer is known: of a GET that is its final
 * status. What an answer may hold is bounded by the connection (heads, interim responses, frames that say nothing), by
 * `HEALTH_ANSWER_MAX_BYTES` and by time.
 */
class Http2Probe implements ResponseReceiver {
  readonly #head: RequestHead;
  /** a gRPC call's */
  readonly #message: Buffer | undefined;
  readonly #done: Http2Done;
  #timer: Timer | undefined;
  #cancelDial = () => {};
  #connection: ClientConnection | undefined;
  #stream: ClientStream | undefined;
  /** 0: no final one yet */
  #status = 0;
  #grpcStatus = NO_GRPC_STATUS;
  #body: Buffer = NOTHING;
  #isSettled = false;

  constructor(head: RequestHead, message: Buffer | undefined, done: Http2Done) {
    this.#head = head;
    this.#message = message;
    this.#done = done;
  }

  start(target: Http2ProbeTarget): void {
    if (!isFit(this.#head.target, target.host)) return void this.settle(false, UNFIT);
    this.#timer = target.timers.after(target.timeoutMs, () => this.settle(false, 'timed out'));
    this.#cancelDial = target.dial((result) => {
      if (result.ok) this.#ask(target, result);
      else this.settle(false, result.reason);
    });
  }

  settle(ok: boolean, reason: string, speaksHttp1 = false): void {
    if (this.#isSettled) return;
    this.cancel();
    this.#done(ok, reason, speaksHttp1);
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    this.#isSettled = true;
    this.#timer?.cancel();
    this.#cancelDial();
    this.#stream?.destroy();
    const connection = this.#connection;
    // who broke it gets no time to read why
    if (connection?.isOver) connection.channel.destroy();
    else connection?.destroy();
  }

  #ask({ timers, limits, host }: Http2ProbeTarget, dialled: Extract<DialResult, { ok: true }>): void {
    const options = { timers, limits, http2: DEFAULT_HTTP2_LIMITS, scheme: 'http', owner: NOBODY } as const;
    this.#connection = new ClientConnection(dialled.channel, { ...options, alpn: dialled.alpn });
    this.#stream = this.#connection.open();
    this.#stream.begin(this.#head, host, this);
    if (this.#message === undefined) return;
    this.#stream.writeBody(this.#message);
    this.#stream.endBody(undefined);
  }

  // === from the stream ===

  onHead(head: ResponseHead): void {
    if (head.status < 200) return;
    this.#status = head.status;
    if (this.#message === undefined) this.settle(isHealthy(head.status), `status ${head.status}`);
    else this.#grpcStatus = grpcStatus(head.fields);
  }
  onBody(data: Buffer): void {
    this.#body = Buffer.concat([this.#body, data]);
    if (this.#body.length > HEALTH_ANSWER_MAX_BYTES) this.settle(false, `answered ${HEALTH_ANSWER_TOO_LONG}`);
  }
  onMessageEnd(trailers: Fields | undefined): void {
    // of an interim response
    if (this.#status === 0) return;
    if (trailers !== undefined) this.#grpcStatus = grpcStatus(trailers);
    const { isServing, said } = readHealth(this.#status, this.#grpcStatus, this.#body);
    this.settle(isServing, `answered ${said}`);
  }
  onError(error: Error): void {
    this.settle(false, error.message);
  }
  onEof(): void {
    this.onUpstreamClosed();
  }
  onUpstreamDrained(): void {}
  onUpstreamClosed(): void {
    const { speaksHttp1 = false, failure = '' } = this.#connection ?? {};
    if (speaksHttp1) this.settle(false, 'answered HTTP/1 to HTTP/2', true);
    else if (this.#stream?.isUnprocessed) this.settle(false, 'refused the request unseen');
    else this.settle(false, failure || `reset the request, error ${this.#stream?.resetCode}`);
  }
}

/** There is no pool that would have to know. */
const NOBODY = { onRoom: () => {}, onRetired: () => {}, onClosed: () => {} };

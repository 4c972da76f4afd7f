import { ERRORS } from '../../api/errors.ts';
import type { Exchange } from '../http1/exchange.ts';
import { errorBody, errorHead, grpcErrorHead, NO_FIELDS } from '../http1/mesh-answer.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ServerOptions as Http1ServerOptions } from '../http1/server-connection.ts';
import { HttpSyntaxError } from '../http1/syntax-error.ts';
import { isGrpcType } from '../layers/grpc.ts';
import type { Channel } from '../transport/channel.ts';
import { Connection } from './connection.ts';
import { broken, type ConnectionError, H2_ERROR } from './error-codes.ts';
import { NUISANCE } from './flood-guard.ts';
import { MAX_STREAM_ID, PREFACE } from './frames/frame-types.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { PSEUDO } from './hpack/header-name.ts';
import { DEFAULT_HTTP2_LIMITS, type Http2Limits } from './limits.ts';
import { MessageError } from './message-error.ts';
import { readRequest } from './request-reader.ts';
import { ServerStream } from './server-stream.ts';
import { SETTING } from './settings.ts';
import type { Stream } from './stream.ts';

export interface ServerOptions extends Http1ServerOptions {
  readonly http2?: Http2Limits;
}

const LAST_CALL = Buffer.from('weft-end', 'latin1');
/** Beside the numbers of header blocks, which count from 1. */
const PREFACE_UNDER_WAY = -1;
/** An idle connection without an idle timeout is looked at this often. */
const QUIET_MS = 60_000;

/**
 * The client's end of HTTP/2 (RFC 9113): hands each request to the handler as an exchange, as http1's does, and
 * writes its response. Used like http1's: `start` with the bytes read so far, `drain`, `setLimits`.
 *
 * Differences a caller sees: there are many exchanges at a time; a tunnel is one stream (`tunnels`), and its channel
 * has what tcp/copy.ts needs; `mayKeepAlive` of a response means nothing. The limits `maxHeldBytes` and
 * `maxTrailerBytes` are HTTP/1's, the windows of ./limits.ts stand for them.
 */
export class ServerConnection extends Connection {
  readonly #options: ServerOptions;
  #prefaceBytes = 0;
  #idleTimeoutMs: number;
  /** requests that became tunnels which are open */
  readonly tunnels = new Set<Exchange>();
  lastPeerStreamId = 0;
  /** the highest that we answer; GOAWAY said so */
  #lastAnswered = MAX_STREAM_ID;
  #draining = false;

  constructor(channel: Channel, options: ServerOptions) {
    super(channel, { ...options, http2: options.http2 ?? DEFAULT_HTTP2_LIMITS });
    this.#options = options;
    this.#idleTimeoutMs = options.limits.idleTimeoutMs;
  }

  /** Other limits than the sidecar's own, from now on. An idle timeout of 0 is none. */
  setLimits(maxHeaderBytes: number, idleTimeoutMs: number): void {
    this.decoder.maxListBytes = maxHeaderBytes;
    this.parser.maxBlockBytes = maxHeaderBytes * 2;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.watch.again();
  }

  /** `initial`: bytes read before the protocol was known; the preface is among what comes. */
  start(initial: Buffer): void {
    this.channel.owner = this;
    this.introduce(
      [
        [SETTING.maxConcurrentStreams, this.limits.maxConcurrentStreams],
        [SETTING.enableConnectProtocol, 1],
      ],
      false,
    );
    if (initial.length > 0) this.onData(initial);
    if (this.isOver) return;
    if (this.channel.ended) this.onEnd();
    else this.channel.resume();
  }

  /**
   * No further request: the client is told, and what it sent until it knew is answered (RFC 9113 6.8). The connection
   * ends with its last stream.
   */
  drain(): void {
    if (this.#draining || this.isOver) return;
    this.#draining = true;
    this.output.goaway(MAX_STREAM_ID, H2_ERROR.none);
    this.output.ping(LAST_CALL, 0, false);
    this.timers.after(this.limits.drainNoticeMs, () => this.#endDrain());
  }

  #endDrain(): void {
    if (this.isOver || this.#lastAnswered !== MAX_STREAM_ID) return;
    this.#lastAnswered = this.lastPeerStreamId;
    this.output.goaway(this.#lastAnswered, H2_ERROR.none);
    this.output.flush();
    this.#endIfDrained();
  }

  #endIfDrained(): void {
    if (this.#lastAnswered !== MAX_STREAM_ID && this.streams.size === 0) this.shut('drained');
  }

  // === from the channel ===

  override onData(bytes: Buffer): void {
    if (this.#prefaceBytes === PREFACE.length) return void super.onData(bytes);
    const rest = this.#readPreface(bytes);
    if (rest !== undefined && rest.length > 0) super.onData(rest);
  }

  #readPreface(bytes: Buffer): Buffer | undefined {
    const end = Math.min(bytes.length, PREFACE.length - this.#prefaceBytes);
    if (bytes.compare(PREFACE, this.#prefaceBytes, this.#prefaceBytes + end, 0, end) !== 0) {
      this.#options.onRefused('bad-request', 'not the preface of HTTP/2 (RFC 9113 3.4)');
      this.output.goaway(0, H2_ERROR.protocol);
      this.shut('not the preface of HTTP/2');
      return undefined;
    }
    this.#prefaceBytes += end;
    return bytes.subarray(end);
  }

  override get streamWindowBytes(): number {
    return this.limits.requestWindowBytes;
  }
  override get headUnderWay(): number {
    return this.#prefaceBytes < PREFACE.length ? PREFACE_UNDER_WAY : super.headUnderWay;
  }

  // === requests ===

  override isIdleStream(streamId: number): boolean {
    return streamId % 2 === 0 || streamId > this.lastPeerStreamId;
  }

  override onNewStream(
    streamId: number,
    list: readonly HeaderField[],
    count: number,
    endsStream: boolean,
    isSelfDependent: boolean,
  ): void {
    if (streamId % 2 === 0) broken(H2_ERROR.protocol, 'RFC 9113 5.1.1', 'a stream of the wrong side');
    this.lastPeerStreamId = streamId;
    if (streamId > this.#lastAnswered) return void this.recentlyReset.add(streamId);
    if (this.streams.size >= this.limits.maxConcurrentStreams)
      return void this.#refuse(streamId, H2_ERROR.refusedStream);
    if (isSelfDependent) return void this.#refuse(streamId, H2_ERROR.protocol);
    if (this.decoder.isOverflowing)
      return void this.#answer(streamId, 'header-too-large', 'RFC 6585 5', askedBy(list, count), endsStream);
    const head = this.#read(streamId, list, count, endsStream);
    if (head !== undefined) this.#begin(streamId, head, endsStream);
  }

  #read(
    streamId: number,
    list: readonly HeaderField[],
    count: number,
    endsStream: boolean,
  ): RequestHead | undefined {
    try {
      return readRequest(list, count, endsStream);
    } catch (error) {
      if (error instanceof MessageError) {
        this.#options.onRefused('bad-request', `${error.message} (${error.rule})`);
        this.#refuse(streamId, H2_ERROR.protocol);
      } else if (error instanceof HttpSyntaxError) {
        const reason = `${error.message} (${error.rule})`;
        this.#answer(streamId, 'bad-request', reason, askedBy(list, count), endsStream);
      } else throw error;
      return undefined;
    }
  }

  #begin(streamId: number, head: RequestHead, endsStream: boolean): void {
    const stream = new ServerStream(this, head);
    stream.idleTimeoutMs = this.#idleTimeoutMs;
    this.addStream(stream, streamId);
    if (endsStream) stream.endRequest();
    this.#options.handler(stream.exchange);
    this.holdIfStuffed();
  }

  #refuse(streamId: number, code: number): void {
    this.flood.spend(NUISANCE.reset);
    this.resetStream(streamId, code);
  }

  /** Well-formed as HTTP/2, and refused before there is an exchange to record it on. */
  #answer(
    streamId: number,
    code: 'bad-request' | 'header-too-large',
    reason: string,
    { isGrpc, method }: Asker,
    endsStream: boolean,
  ): void {
    this.flood.spend(NUISANCE.reset);
    this.#options.onRefused(code, reason, isGrpc);
    if (isGrpc) {
      this.heads.response(streamId, grpcErrorHead(code, NO_FIELDS, ERRORS[code].httpStatus), true);
      if (!endsStream) this.resetStream(streamId, H2_ERROR.none);
      return;
    }
    const body = errorBody(code);
    const isHead = method === 'HEAD';
    this.heads.response(streamId, errorHead(code, body.length, method), isHead);
    if (isHead) {
      if (!endsStream) this.resetStream(streamId, H2_ERROR.none);
    } else if (this.sendWindowBytes >= body.length && this.peer.initialWindowBytes >= body.length) {
      this.sendData(streamId, body, 0, body.length);
      this.sendEnd(streamId, undefined);
      if (!endsStream) this.resetStream(streamId, H2_ERROR.none);
    } else this.resetStream(streamId, H2_ERROR.protocol);
  }

  onExchangeOver(): void {
    if (this.#options.isDraining()) this.drain();
  }
  keepTunnel(stream: ServerStream): void {
    this.tunnels.add(stream.exchange);
  }

  override onStreamOver(stream: Stream): void {
    if (this.tunnels.size > 0) this.tunnels.delete((stream as ServerStream).exchange);
    this.#endIfDrained();
  }

  // === the rest ===

  override onGoaway(): void {
    // a client that opens no further stream; what it has open goes on
  }
  override onPeerSettings(): void {}
  override onPingAnswer(bytes: Buffer, start: number): void {
    if (this.#draining && bytes.compare(LAST_CALL, 0, 8, start, start + 8) === 0) this.#endDrain();
  }
  override onBroken(error: ConnectionError): void {
    this.#options.onRefused('bad-request', `${error.message} (${error.rule})`);
  }
  override onOver(): void {}
  override onQuiet(quietMs: number): number {
    if (this.#idleTimeoutMs === 0) return QUIET_MS;
    if (quietMs < this.#idleTimeoutMs) return this.#idleTimeoutMs - quietMs;
    this.output.goaway(this.lastPeerStreamId, H2_ERROR.none);
    this.shut('idle for too long');
    return 0;
  }
}

/** What decides about the form of an answer. */
interface Asker {
  readonly isGrpc: boolean;
  readonly method: string;
}

/** Of what was not read as a request. */
function askedBy(list: readonly HeaderField[], count: number): Asker {
  let isGrpc = false;
  let method = 'GET';
  for (let index = 0; index < count; index += 1) {
    const { name, value } = list[index]!;
    if (name.isContentType) isGrpc = isGrpcType(value);
    else if (name.pseudo === PSEUDO.method) method = value;
  }
  return { isGrpc, method };
}

import type { HttpVersion } from '../http-server.ts';
import type { RequestCarrier, ResponseReceiver } from '../http1/client-connection.ts';
import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { opensTunnel, type ResponseHead } from '../http1/response-head.ts';
import { HttpSyntaxError } from '../http1/syntax-error.ts';
import type { Tunnel } from '../tcp/copy.ts';
import { enter, leave } from '../transport/flush.ts';
import type { ClientConnection } from './client-connection.ts';
import { H2_ERROR } from './error-codes.ts';
import type { HeaderField } from './hpack/header-field.ts';
import { malformed } from './message-error.ts';
import { readResponse } from './response-reader.ts';
import { Stream } from './stream.ts';
import { StreamChannel } from './stream-channel.ts';
import { readTrailers } from './trailers.ts';

/**
 * One request over a connection to an endpoint, as http1/forward.ts uses it: `begin` once, then the body, and `release` or `destroy` in the end.
 */
export class ClientStream extends Stream implements RequestCarrier {
  readonly #client: ClientConnection;
  #receiver: ResponseReceiver | undefined;
  #method = '';
  #fallbackHost = '';
  /** waits for the endpoint's SETTINGS */
  #head: RequestHead | undefined;
  #upgrade: string | undefined;
  #tunnel: StreamChannel | undefined;
  #interims = 0;
  #responded = false;
  get isOpaque(): boolean {
    return this.#client.isOpaque;
  }
  /** whether anything came back for it */
  sawResponse = false;
  /** The server says it did nothing about it: it may be sent again, whatever it is (RFC 9113 8.7). */
  isUnprocessed = false;
  /** It has to go another way: the endpoint takes no Upgrade over HTTP/2. */
  refusesUpgrade = false;
  get spokeInstead(): HttpVersion | undefined {
    return this.#client.speaksHttp1 ? 'http1' : undefined;
  }

  constructor(client: ClientConnection) {
    super(client);
    this.#client = client;
  }

  // === the request ===

  begin(head: RequestHead, fallbackHost: string, receiver: ResponseReceiver): void {
    this.#receiver = receiver;
    this.#method = head.method;
    this.#upgrade = head.upgrade;
    this.#fallbackHost = fallbackHost;
    if (head.upgrade === undefined) return void this.#beginNow(head);
    const takesUpgrades = this.#client.takesUpgrades;
    if (takesUpgrades) return void this.#beginNow(head);
    this.#head = head;
    if (takesUpgrades === undefined) this.#client.decideLater(this);
    else soon(() => this.decided());
  }

  /** Whether the endpoint takes what becomes an extended CONNECT is known; never within `begin`. */
  decided(): void {
    const head = this.#head;
    this.#head = undefined;
    if (head === undefined || this.#receiver === undefined) return;
    const { takesUpgrades, isOver, speaksHttp1 } = this.#client;
    if (takesUpgrades || (isOver && !speaksHttp1)) return void this.#beginNow(head);
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.refusesUpgrade = true;
    receiver.onError(
      new HttpSyntaxError('bad-request', 'RFC 8441 3', 'the endpoint takes no extended CONNECT'),
    );
  }

  #beginNow(head: RequestHead): void {
    if (!this.#client.begin(this)) return void this.#neverBegun();
    const isTunnel = head.upgrade !== undefined || head.method === 'CONNECT';
    const { framing } = head;
    const endsStream =
      !isTunnel && (framing.type === 'none' || (framing.type === 'length' && framing.length === 0));
    this.connection.heads.request(this.id, head, this.#client.scheme, this.#fallbackHost, endsStream);
    this.localEnded = endsStream;
  }
  /** False: wait for `onUpstreamDrained`. */
  writeBody(data: Buffer): boolean {
    return this.outbox.write(data);
  }
  endBody(trailers: Fields | undefined): void {
    // what a tunnel sends comes through its channel
    if (this.#upgrade !== undefined || this.#method === 'CONNECT') return;
    this.outbox.end(trailers);
  }
  pause(): void {
    this.inbox.pause();
  }
  resume(): void {
    this.inbox.resume();
  }
  /** As after an interim response of HTTP/1; here the next one comes by itself. */
  nextResponse(): void {}

  /** The exchange is over. */
  release(): void {
    this.destroy();
  }
  /** What is still under way is cancelled. */
  destroy(): void {
    this.#receiver = undefined;
    if (this.id === 0) this.#client.unreserve(this);
    else this.reset(H2_ERROR.cancel);
  }
  /** After the response that opens a tunnel. */
  detach(): Tunnel {
    this.#receiver = undefined;
    this.inbox.pause();
    this.#tunnel = new StreamChannel(this);
    return { channel: this.#tunnel, rest: NOTHING };
  }

  /** The connection went between `open` and now. */
  #neverBegun(): void {
    this.isUnprocessed = true;
    this.localEnded = this.remoteEnded = true;
    soon(() => this.#closed());
  }

  // === from the server ===

  override receiveHeaders(list: readonly HeaderField[], count: number, endsStream: boolean): void {
    this.sawResponse = true;
    if (this.#responded) {
      if (!endsStream) malformed('RFC 9113 8.1', 'trailers that do not end the stream');
      return void this.receiveTrailers(readTrailers(list, count));
    }
    const head = readResponse(list, count, endsStream, this.#method, this.#upgrade);
    if (head.status < 200 && head.status !== 101) return void this.#interim(head, endsStream);
    this.#responded = true;
    const isTunnel = head.status === 101 || opensTunnel(head.status, this.#method);
    if (!isTunnel) this.expectedBytes = expectedBytes(head);
    if (endsStream) this.remoteEnded = true;
    this.inbox.item(head);
    if (!endsStream) return;
    this.inbox.end(undefined);
    this.closeIfOver();
  }

  #interim(head: ResponseHead, endsStream: boolean): void {
    if (endsStream) malformed('RFC 9113 8.1', 'an interim response that ends the stream');
    this.#interims += 1;
    if (this.#interims > this.connection.limits.maxInterims)
      malformed('RFC 9110 15.2', 'too many interim responses');
    this.inbox.item(head);
  }

  override onHeld(item: object): void {
    const head = item as ResponseHead;
    this.#receiver?.onHead(head);
    if (head.status < 200 && head.status !== 101) this.#receiver?.onMessageEnd(undefined);
  }
  override receiveData(
    bytes: Buffer,
    start: number,
    end: number,
    flowBytes: number,
    endsStream: boolean,
  ): void {
    if (!this.#responded) malformed('RFC 9113 8.1', 'DATA before the response');
    super.receiveData(bytes, start, end, flowBytes, endsStream);
  }
  override onBody(data: Buffer): void {
    if (this.#tunnel !== undefined) this.#tunnel.received(data);
    else this.#receiver?.onBody(data);
  }
  override onEnd(trailers: Fields | undefined): void {
    if (this.#tunnel !== undefined) this.#tunnel.peerEnded();
    else this.#receiver?.onMessageEnd(trailers);
  }
  override onDrained(): void {
    if (this.#tunnel !== undefined) this.#tunnel.drained();
    else this.#receiver?.onUpstreamDrained();
  }
  /** A response that is complete stays so; the rest of the request is not wanted (RFC 9113 8.1). */
  override receiveReset(code: number): void {
    this.isUnprocessed ||= code === H2_ERROR.refusedStream;
    // node's servers, in place of END_STREAM, where the window ends with the body
    const isWhole = code === H2_ERROR.none && this.expectedBytes === 0;
    if (!this.remoteEnded && !isWhole) return void super.receiveReset(code);
    this.localEnded = true;
    this.outbox.discard();
    // who releases it then resets nothing: no RST_STREAM answers another (RFC 9113 5.4.2)
    if (!this.remoteEnded) this.receiveTrailers(undefined);
    this.connection.forgetStream(this);
    this.onDrained();
  }
  override onReset(): void {
    this.#closed();
  }
  override onLost(): void {
    const { nonsense } = this.#client;
    if (nonsense === undefined) this.#closed();
    else this.#fail(nonsense.rule, nonsense.message);
  }
  #closed(): void {
    if (this.#tunnel !== undefined) return void this.#tunnel.lost();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.onUpstreamClosed();
  }
  override onFailed(_code: number, reason: string): void {
    this.#fail('RFC 9113 8.1.1', reason);
  }
  #fail(rule: string, reason: string): void {
    if (this.#tunnel !== undefined) return void this.#tunnel.lost();
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.onError(new HttpSyntaxError('bad-request', rule, reason));
  }
  /** Who waits for a response has deadlines of its own. */
  override onIdle(): void {}
  override onLocalEnd(): void {
    this.#tunnel?.sent();
    super.onLocalEnd();
  }
}

/** Never within a call of the owner's own. */
function soon(run: () => void): void {
  setImmediate(() => {
    enter();
    try {
      run();
    } finally {
      leave();
    }
  });
}

const NOTHING = Buffer.alloc(0);

function expectedBytes({ framing }: ResponseHead): number {
  if (framing.type === 'none') return 0;
  return framing.type === 'length' ? framing.length : -1;
}

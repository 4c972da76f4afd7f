import type { HttpVersion } from '../http-server.ts';
import { beginsHttp2 } from '../http2/frames/server-preface.ts';
import type { Limits } from '../limits.ts';
import type { Tunnel } from '../tcp/copy.ts';
import type { Channel, ChannelOwner } from '../transport/channel.ts';
import { BodyWriter } from './body-writer.ts';
import type { Fields } from './fields.ts';
import { MessageParser, type MessageSink } from './message-parser.ts';
import { type RequestHead, serializeRequestHead } from './request-head.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';
import { HttpSyntaxError } from './syntax-error.ts';

/** Who gets the response of the request in flight. */
export interface ResponseReceiver extends MessageSink<ResponseHead> {
  onUpstreamDrained(): void;
  /** the connection is gone before the response was complete */
  onUpstreamClosed(): void;
}

/** What carries one request to an endpoint: a connection of HTTP/1, or a stream of one of HTTP/2. */
export interface RequestCarrier {
  /** whether anything came back for it */
  readonly sawResponse: boolean;
  /** The endpoint says it did nothing about it: it may be sent again, whatever it is (RFC 9113 8.7). */
  readonly isUnprocessed: boolean;
  /** It has to go over HTTP/1: the endpoint takes no Upgrade over HTTP/2. */
  readonly refusesUpgrade: boolean;
  /** It answered in the other version of HTTP, this one, and so did nothing about the request. */
  readonly spokeInstead: HttpVersion | undefined;
  /** Another sidecar carries it as bytes: who answers is the app behind it, not the mesh. */
  readonly isOpaque: boolean;
  begin(head: RequestHead, fallbackHost: string, receiver: ResponseReceiver): void;
  /** False: wait for `onUpstreamDrained`. */
  writeBody(data: Buffer): boolean;
  endBody(trailers: Fields | undefined): void;
  pause(): void;
  resume(): void;
  /** After an interim response: the next one belongs to the same request. */
  nextResponse(): void;
  /** The exchange is over. */
  release(): void;
  destroy(): void;
  /** After the response that opens a tunnel. */
  detach(): Tunnel;
}

/** What the pool is told; `onReleased` only while the connection may carry another request. */
export interface ClientConnectionOwner {
  onReleased(connection: ClientConnection): void;
  onClosed(connection: ClientConnection): void;
}

/** Our end of an HTTP/1 connection to an endpoint: one request at a time. */
export class ClientConnection implements MessageSink<ResponseHead>, ChannelOwner, RequestCarrier {
  readonly #channel: Channel;
  readonly #owner: ClientConnectionOwner;
  readonly #parser: MessageParser<ResponseHead>;
  #receiver: ResponseReceiver | undefined;
  readonly #writer: BodyWriter;
  #method = '';
  #requestSent = true;
  #reusable = true;
  #answered = true;
  #heardAnything = false;
  /** from the last `Keep-Alive: timeout`, else -1 */
  keepAliveSeconds = -1;
  /** monotonic */
  bornMs = 0;
  /** monotonic; while it is idle in its pool */
  idleSinceMs = 0;
  idleUntilMs = 0;
  /** whether a byte came back since the request in flight was begun */
  sawResponse = false;
  /** HTTP/1 cannot say so */
  readonly isUnprocessed = false;
  readonly isOpaque = false;
  readonly refusesUpgrade = false;
  spokeInstead: HttpVersion | undefined = undefined;

  constructor(channel: Channel, owner: ClientConnectionOwner, limits: Limits) {
    this.#channel = channel;
    this.#writer = new BodyWriter(channel);
    this.#owner = owner;
    this.#parser = new MessageParser(
      (text, fields) => parseResponseHead(text, this.#method, fields),
      this,
      limits,
      'responses',
    );
    channel.owner = this;
    channel.resume();
  }

  /** False for what must not get another request: closed, half-closed, or holding bytes nobody asked for. */
  get isUsable(): boolean {
    return !this.#channel.ended && this.#reusable && this.#channel.writable;
  }

  begin(head: RequestHead, fallbackHost: string, receiver: ResponseReceiver): void {
    this.#method = head.method;
    this.#receiver = receiver;
    this.#requestSent = this.#answered = this.sawResponse = false;
    this.#parser.next();
    this.#writer.head(serializeRequestHead(head, fallbackHost), head.framing);
  }
  /** False: wait for `onUpstreamDrained`. */
  writeBody(data: Buffer): boolean {
    return this.#writer.body(data);
  }
  endBody(trailers: Fields | undefined): void {
    this.#writer.end(trailers);
    this.#requestSent = true;
  }
  pause(): void {
    this.#parser.pause();
    this.#channel.pause();
  }
  resume(): void {
    this.#parser.resume();
    this.#channel.resume();
  }
  /** After an interim response: the next one belongs to the same request. */
  nextResponse(): void {
    this.#answered = false;
    this.#parser.next();
  }

  /** No further request. */
  retire(): void {
    this.#reusable = false;
  }

  /** The exchange is over: back to the pool if another request may follow, else closed. */
  release(): void {
    this.#receiver = undefined;
    const clean = this.#answered && this.#requestSent && this.#parser.heldBytes === 0;
    this.#parser.forget();
    if (clean && this.isUsable) this.#owner.onReleased(this);
    else this.destroy();
  }
  destroy(): void {
    this.#receiver = undefined;
    this.#reusable = false;
    this.#channel.destroy();
  }
  /** Gives the socket away, as a tunnel, with bytes read beyond the response head. */
  detach(): Tunnel {
    this.#receiver = undefined;
    this.#reusable = false;
    this.#channel.pause();
    const rest = this.#parser.detach();
    this.#owner.onClosed(this);
    this.#channel.disown();
    return { channel: this.#channel, rest };
  }

  // === from the channel ===

  onData(bytes: Buffer): void {
    // bytes nobody asked for: whatever they are, the next response cannot be trusted
    if (this.#receiver === undefined) return void this.destroy();
    this.sawResponse = true;
    if (!this.#heardAnything) {
      this.#heardAnything = true;
      // no status line begins so; who has answered in HTTP/1 understood what it was asked since
      if (bytes[0] === 0 && beginsHttp2(bytes)) return void this.#isHttp2();
    }
    this.#parser.push(bytes);
  }
  #isHttp2(): void {
    this.spokeInstead = 'http2';
    this.onError(new HttpSyntaxError('bad-request', 'RFC 9112 4', 'the endpoint speaks HTTP/2'));
  }
  onEnd(): void {
    if (this.#receiver === undefined) this.destroy();
    else this.#parser.end();
  }
  onDrain(): void {
    this.#receiver?.onUpstreamDrained();
  }
  onClose(): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.#reusable = false;
    this.#owner.onClosed(this);
    receiver?.onUpstreamClosed();
  }

  // === from the parser ===

  onHead(head: ResponseHead): void {
    if (head.status >= 200) {
      this.#reusable &&= head.keepAlive;
      this.keepAliveSeconds = head.keepAliveSeconds;
    }
    this.#receiver?.onHead(head);
  }
  onBody(data: Buffer): void {
    this.#receiver?.onBody(data);
  }
  onMessageEnd(trailers: Fields | undefined): void {
    this.#answered = true;
    this.#receiver?.onMessageEnd(trailers);
  }
  onError(error: HttpSyntaxError): void {
    this.#reusable = false;
    this.#receiver?.onError(error);
  }
  onEof(): void {
    this.#reusable = false;
    this.#receiver?.onEof();
  }
}

import type { Socket } from 'node:net';
import type { Limits } from '../limits.ts';
import { BodyWriter } from './body-writer.ts';
import type { Fields } from './fields.ts';
import { MessageParser, type MessageSink } from './message-parser.ts';
import { type RequestHead, serializeRequestHead } from './request-head.ts';
import { parseResponseHead, type ResponseHead } from './response-head.ts';
import type { HttpSyntaxError } from './syntax-error.ts';

/** Who gets the response of the request in flight. */
export interface ResponseReceiver extends MessageSink<ResponseHead> {
  onUpstreamDrained(): void;
  /** the connection is gone before the response was complete */
  onUpstreamClosed(): void;
}

/** What the pool is told; `onReleased` only while the connection may carry another request. */
export interface ClientConnectionOwner {
  onReleased(connection: ClientConnection): void;
  onClosed(connection: ClientConnection): void;
}

/** Our end of an HTTP/1 connection to an endpoint: one request at a time. */
export class ClientConnection implements MessageSink<ResponseHead> {
  readonly #socket: Socket;
  readonly #owner: ClientConnectionOwner;
  readonly #parser: MessageParser<ResponseHead>;
  #receiver: ResponseReceiver | undefined;
  #writer: BodyWriter | undefined;
  #method = '';
  #requestSent = true;
  #reusable = true;
  #answered = true;
  #ended = false;
  /** from the last `Keep-Alive: timeout`, else undefined */
  keepAliveSeconds: number | undefined;
  /** requests begun here, the one in flight included */
  uses = 0;
  /** whether a byte came back since the request in flight was begun */
  sawResponse = false;

  constructor(socket: Socket, owner: ClientConnectionOwner, limits: Limits) {
    this.#socket = socket;
    this.#owner = owner;
    this.#parser = new MessageParser(
      (text) => parseResponseHead(text, this.#method),
      this,
      limits,
      'responses',
    );
    socket.on('data', this.#onData);
    socket.on('end', this.#onSocketEnd);
    socket.on('drain', this.#onDrain);
    socket.on('error', () => {});
    socket.on('close', () => this.#onClose());
    socket.resume();
  }

  /** False for what must not get another request: closed, half-closed, or holding bytes nobody asked for. */
  get isUsable(): boolean {
    return !this.#ended && this.#reusable && !this.#socket.destroyed && this.#socket.writable;
  }

  begin(head: RequestHead, fallbackHost: string, receiver: ResponseReceiver): void {
    this.uses += 1;
    this.#method = head.method;
    this.#receiver = receiver;
    this.#requestSent = this.#answered = this.sawResponse = false;
    this.#parser.next();
    this.#writer = new BodyWriter(this.#socket, head.framing);
    this.#writer.head(serializeRequestHead(head, fallbackHost));
  }
  /** False: wait for `onUpstreamDrained`. */
  writeBody(data: Buffer): boolean {
    return this.#writer?.body(data) ?? true;
  }
  endBody(trailers: Fields | undefined): void {
    this.#writer?.end(trailers);
    this.#requestSent = true;
  }
  pause(): void {
    this.#parser.pause();
    this.#socket.pause();
  }
  resume(): void {
    this.#parser.resume();
    if (!this.#socket.destroyed) this.#socket.resume();
  }
  /** After an interim response: the next one belongs to the same request. */
  nextResponse(): void {
    this.#answered = false;
    this.#parser.next();
  }

  /** The exchange is over: back to the pool if another request may follow, else closed. */
  release(): void {
    this.#receiver = undefined;
    const clean = this.#answered && this.#requestSent && this.#parser.heldBytes === 0;
    if (clean && this.isUsable) this.#owner.onReleased(this);
    else this.destroy();
  }
  destroy(): void {
    this.#receiver = undefined;
    this.#reusable = false;
    this.#socket.destroy();
  }
  /** Gives the socket away, as a tunnel, with bytes read beyond the response head. */
  detach(): { readonly socket: Socket; readonly rest: Buffer } {
    this.#receiver = undefined;
    this.#reusable = false;
    this.#socket.pause();
    this.#socket.off('data', this.#onData).off('end', this.#onSocketEnd).off('drain', this.#onDrain);
    return { socket: this.#socket, rest: this.#parser.detach() };
  }

  readonly #onData = (bytes: Buffer): void => {
    // bytes nobody asked for: whatever they are, the next response cannot be trusted
    if (this.#receiver === undefined) return void this.destroy();
    this.sawResponse = true;
    this.#parser.push(bytes);
  };
  readonly #onSocketEnd = (): void => {
    this.#ended = true;
    if (this.#receiver === undefined) this.destroy();
    else this.#parser.end();
  };
  readonly #onDrain = (): void => this.#receiver?.onUpstreamDrained();
  #onClose(): void {
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
  onEnd(trailers: Fields | undefined): void {
    this.#answered = true;
    this.#receiver?.onEnd(trailers);
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

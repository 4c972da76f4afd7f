import { BodyReader } from './body-reader.ts';
import { FieldLines, type Fields } from './fields.ts';
import type { Framing } from './framing.ts';
import { HeadScanner } from './head-scanner.ts';
import { HttpSyntaxError } from './syntax-error.ts';

export interface MessageSink<Head> {
  onHead(head: Head): void;
  onBody(data: Buffer): void;
  onMessageEnd(trailers: Fields | undefined): void;
  /** After this the parser takes nothing more. `truncated`: the connection ended within a message. */
  onError(error: HttpSyntaxError): void;
  /** The connection ended between messages. */
  onEof(): void;
}

export interface ParserLimits {
  readonly maxHeaderBytes: number;
  readonly maxTrailerBytes: number;
}

interface ParsedHead {
  readonly framing: Framing;
  readonly dropsTrailers: boolean;
}

type Phase = 'head' | 'body' | 'between' | 'stopped';

/**
 * Incremental parser of HTTP/1 messages (RFC 9112) for requests and responses: any split of the same bytes
 * gives the same calls, body pieces joined. It stops after each message until `next`, and between any two
 * calls when paused; bytes given meanwhile are held, so the owner bounds them by not reading (`heldBytes`).
 */
export class MessageParser<Head extends ParsedHead> {
  readonly #readHead: (text: string, fields: Fields) => Head;
  /** of the message under way; the next one takes it over */
  readonly #fields = new FieldLines();
  readonly #sink: MessageSink<Head>;
  readonly #scanner: HeadScanner;
  readonly #give = (data: Buffer) => this.#sink.onBody(data);
  readonly #body: BodyReader;
  #phase: Phase = 'head';
  #held: Buffer = EMPTY;
  #paused = false;
  #running = false;
  #ended = false;

  constructor(
    readHead: (text: string, fields: Fields) => Head,
    sink: MessageSink<Head>,
    limits: ParserLimits,
    kind: 'requests' | 'responses',
  ) {
    this.#readHead = readHead;
    this.#sink = sink;
    this.#body = new BodyReader(limits.maxTrailerBytes);
    this.#scanner = new HeadScanner(limits.maxHeaderBytes, kind === 'requests');
  }

  set maxHeaderBytes(maxHeaderBytes: number) {
    this.#scanner.maxBytes = maxHeaderBytes;
  }

  get heldBytes(): number {
    return this.#held.length;
  }

  /** True between messages with nothing of the next one seen. */
  get isIdle(): boolean {
    return this.#held.length === 0 && this.#phase === 'head' && this.#scanner.isEmpty;
  }

  /** `bytes` may be reused by the caller afterwards. */
  push(bytes: Buffer): void {
    if (this.#phase === 'stopped') return;
    if (this.#held.length > 0) {
      this.#held = Buffer.concat([this.#held, bytes]);
      return void this.#run();
    }
    this.#held = bytes;
    this.#run();
    if (this.#held.length > 0) this.#held = Buffer.from(this.#held);
  }

  /** The connection has ended. */
  end(): void {
    this.#ended = true;
    this.#run();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#run();
  }

  /** What was read is not looked at any more. */
  forget(): void {
    if (this.#phase === 'between') this.#fields.forget();
  }

  /** Begins with the next message. */
  next(): void {
    if (this.#phase !== 'between') return;
    this.#fields.forget();
    this.#phase = 'head';
    this.#run();
  }

  /** Stops for good and gives back the bytes not used: what follows is a tunnel. */
  detach(): Buffer {
    this.#phase = 'stopped';
    const rest = this.#held.length === 0 ? EMPTY : Buffer.from(this.#held);
    this.#held = EMPTY;
    return rest;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#paused && this.#step());
    } catch (error) {
      if (!(error instanceof HttpSyntaxError)) throw error;
      this.detach();
      this.#sink.onError(error);
    } finally {
      this.#running = false;
    }
  }

  /** One step; false when there is nothing to do. */
  #step(): boolean {
    if (this.#phase === 'head') return this.#held.length > 0 ? this.#stepHead() : this.#stepEof();
    if (this.#phase === 'body') return this.#stepBody(this.#body);
    return false;
  }

  #stepHead(): boolean {
    this.#use(this.#scanner.push(this.#held));
    const text = this.#scanner.text;
    if (text === undefined) return true;
    this.#scanner.reset();
    const head = this.#readHead(text, this.#fields);
    this.#body.begin(head.framing, head.dropsTrailers);
    this.#phase = 'body';
    this.#sink.onHead(head);
    return true;
  }

  #stepBody(body: BodyReader): boolean {
    if (body.done) {
      this.#phase = 'between';
      this.#sink.onMessageEnd(body.trailers);
      return true;
    }
    if (this.#held.length > 0) {
      const held = this.#held;
      this.#held = EMPTY;
      const used = body.push(held, this.#give);
      // detach within the callback wants nothing more
      if ((this.#phase as Phase) !== 'stopped')
        this.#held = used === held.length ? EMPTY : held.subarray(used);
      return true;
    }
    if (!this.#ended) return false;
    if (!body.end()) truncated();
    return true;
  }

  #stepEof(): boolean {
    if (!this.#ended) return false;
    if (!this.#scanner.isEmpty) truncated();
    this.#phase = 'stopped';
    this.#sink.onEof();
    return false;
  }

  #use(count: number): void {
    this.#held = count === this.#held.length ? EMPTY : this.#held.subarray(count);
  }
}

const EMPTY = Buffer.alloc(0);

function truncated(): never {
  throw new HttpSyntaxError('truncated', 'RFC 9112 8', 'the connection ended within a message');
}

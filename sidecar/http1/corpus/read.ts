import { DEFAULT_LIMITS } from '../../limits.ts';
import type { Fields } from '../fields.ts';
import type { Framing } from '../framing.ts';
import { MessageParser, type MessageSink } from '../message-parser.ts';
import { parseRequestHead, serializeRequestHead } from '../request-head.ts';
import { parseResponseHead, serializeResponseHead } from '../response-head.ts';
import type { CaseError } from './case.ts';

export type Kind = 'requests' | 'responses';
/** What became of some bytes. */
export interface Outcome {
  /** complete messages in canonical form, a chunked body as one chunk; latin1 */
  readonly forwarded: string;
  readonly error: CaseError | undefined;
}

/** Drives the parser: all that corpus and fuzzers know of it. The pieces are followed by the connection's end. */
export function read(kind: Kind, pieces: readonly Buffer[], method = 'GET'): Outcome {
  const reading = new Reading(kind, method, false);
  for (const piece of pieces) reading.push(piece);
  return reading.end();
}

/** The same by somebody slow: it pauses after everything it is given, and takes one step for each piece. */
export function readSlowly(kind: Kind, pieces: readonly Buffer[], method = 'GET'): Outcome {
  const reading = new Reading(kind, method, true);
  for (const piece of pieces) {
    reading.push(piece);
    reading.step();
  }
  return reading.end();
}

class Reading implements MessageSink<Parsed> {
  readonly #parser: MessageParser<Parsed>;
  readonly #slow: boolean;
  #forwarded = '';
  #error: CaseError | undefined;
  #head = '';
  #body = '';
  #isChunked = false;
  #isBetween = false;
  #events = 0;

  constructor(kind: Kind, method: string, slow: boolean) {
    this.#slow = slow;
    this.#parser = new MessageParser((text) => readHead(kind, text, method), this, DEFAULT_LIMITS, kind);
  }

  push(piece: Buffer): void {
    const lent = Buffer.from(piece);
    this.#parser.push(lent);
    // a socket reads into the same buffer again
    lent.fill('!');
  }

  /** False when nothing came of it. */
  step(): boolean {
    const before = this.#events;
    if (this.#isBetween) {
      this.#isBetween = false;
      this.#parser.next();
    }
    this.#parser.resume();
    return this.#events > before;
  }

  end(): Outcome {
    this.#parser.end();
    while (this.#slow && this.step());
    return { forwarded: this.#forwarded, error: this.#error };
  }

  onHead(head: Parsed): void {
    this.#head = head.text;
    this.#body = '';
    this.#isChunked = head.framing.type === 'chunked';
    this.#pause();
  }
  onBody(data: Buffer): void {
    this.#body += data.toString('latin1');
    this.#pause();
  }
  onMessageEnd(trailers: Fields | undefined): void {
    this.#forwarded += this.#head + (this.#isChunked ? chunkedText(this.#body, trailers) : this.#body);
    this.#pause();
    if (this.#slow) this.#isBetween = true;
    else this.#parser.next();
  }
  onError(error: { readonly code: CaseError }): void {
    this.#events += 1;
    this.#error = error.code;
  }
  onEof(): void {
    this.#events += 1;
  }
  #pause(): void {
    this.#events += 1;
    if (this.#slow) this.#parser.pause();
  }
}

interface Parsed {
  readonly framing: Framing;
  readonly dropsTrailers: boolean;
  /** the head as it is forwarded */
  readonly text: string;
}

function readHead(kind: Kind, text: string, method: string): Parsed {
  if (kind === 'requests') {
    const head = parseRequestHead(text);
    return {
      framing: head.framing,
      dropsTrailers: head.dropsTrailers,
      text: serializeRequestHead(head, 'fallback'),
    };
  }
  const head = parseResponseHead(text, method);
  const connection = head.upgrade === undefined ? undefined : 'Upgrade';
  return {
    framing: head.framing,
    dropsTrailers: head.dropsTrailers,
    text: serializeResponseHead(head, head.framing, connection),
  };
}

function chunkedText(body: string, trailers: Fields | undefined): string {
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return `${chunk}0\r\n${trailers?.serialize() ?? ''}\r\n`;
}

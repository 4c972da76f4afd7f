import { DEFAULT_LIMITS } from '../../limits.ts';
import type { Fields } from '../fields.ts';
import type { Framing } from '../framing.ts';
import { MessageParser } from '../message-parser.ts';
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
  let forwarded = '';
  let error: CaseError | undefined;
  let head = '';
  let body = '';
  let isChunked = false;
  const sink = {
    onHead: (parsed: Parsed) => {
      head = parsed.text;
      body = '';
      isChunked = parsed.framing.type === 'chunked';
    },
    onBody: (data: Buffer) => {
      body += data.toString('latin1');
    },
    onMessageEnd: (trailers: Fields | undefined) => {
      forwarded += head + (isChunked ? chunkedText(body, trailers) : body);
      parser.next();
    },
    onError: (refusal: { readonly code: CaseError }) => {
      error = refusal.code;
    },
    onEof: () => {},
  };
  const parser = new MessageParser((text) => readHead(kind, text, method), sink, DEFAULT_LIMITS, kind);
  for (const piece of pieces) {
    const lent = Buffer.from(piece);
    parser.push(lent);
    // a socket reads into the same buffer again
    lent.fill('!');
  }
  parser.end();
  return { forwarded, error };
}

interface Parsed {
  readonly framing: Framing;
  /** the head as it is forwarded */
  readonly text: string;
}

function readHead(kind: Kind, text: string, method: string): Parsed {
  if (kind === 'requests') {
    const head = parseRequestHead(text);
    return { framing: head.framing, text: serializeRequestHead(head, 'fallback') };
  }
  const head = parseResponseHead(text, method);
  return { framing: head.framing, text: serializeResponseHead(head, head.framing, undefined) };
}

function chunkedText(body: string, trailers: Fields | undefined): string {
  const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
  return `${chunk}0\r\n${trailers?.serialize() ?? ''}\r\n`;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '../limits.ts';
import { type CorpusCase, REQUESTS, RESPONSES } from './corpus.ts';
import type { Fields } from './fields.ts';
import type { Framing } from './framing.ts';
import { MessageParser } from './message-parser.ts';
import { parseRequestHead, serializeRequestHead } from './request-head.ts';
import { parseResponseHead, serializeResponseHead } from './response-head.ts';

interface Outcome {
  forwarded: string;
  error: string | undefined;
}

/** Parses the pieces and writes what was understood in canonical form, body pieces joined. */
function parse(kind: 'requests' | 'responses', pieces: readonly Buffer[], method = 'GET'): Outcome {
  const outcome: Outcome = { forwarded: '', error: undefined };
  let framing: Framing = { type: 'none' };
  let body = '';
  const finish = (trailers: Fields | undefined) => {
    const isChunked = framing.type === 'chunked';
    const chunk = body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`;
    outcome.forwarded += isChunked ? `${chunk}0\r\n${trailers?.serialize() ?? ''}\r\n` : body;
    body = '';
    parser.next();
  };
  const sink = {
    onHead: (head: { readonly framing: Framing; readonly text: string }) => {
      framing = head.framing;
      outcome.forwarded += head.text;
    },
    onBody: (data: Buffer) => {
      body += data.toString('latin1');
    },
    onEnd: finish,
    onError: (error: { readonly code: string }) => {
      outcome.error = error.code;
    },
    onEof: () => {},
  };
  const parser = new MessageParser((text) => read(kind, text, method), sink, DEFAULT_LIMITS, kind);
  for (const piece of pieces) parser.push(piece);
  parser.end();
  return outcome;
}

function read(kind: 'requests' | 'responses', text: string, method: string) {
  if (kind === 'requests') {
    const head = parseRequestHead(text);
    return { framing: head.framing, text: serializeRequestHead(head, 'fallback') };
  }
  const head = parseResponseHead(text, method);
  return { framing: head.framing, text: serializeResponseHead(head, head.framing, undefined) };
}

const KINDS = [
  ['requests', REQUESTS],
  ['responses', RESPONSES],
] as const;

for (const [kind, corpus] of KINDS) {
  for (const entry of corpus) {
    test(`${kind}: ${entry.name} (${entry.rule})`, () => {
      const input = Buffer.from(entry.input, 'latin1');
      check(entry, parse(kind, [input], entry.method));
      if (input.length < 1000) {
        check(
          entry,
          parse(
            kind,
            [...input].map((byte) => Buffer.from([byte])),
            entry.method,
          ),
        );
      }
    });
  }

  test(`${kind}: any split of the same bytes gives the same result`, () => {
    const cases = corpus.filter(({ input }) => input.length < 10_000);
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.array(fc.nat(400), { maxLength: 8 }), (entry, sizes) => {
        check(entry, parse(kind, split(Buffer.from(entry.input, 'latin1'), sizes), entry.method));
      }),
      { numRuns: 2_000 },
    );
  });

  test(`${kind}: bytes changed at random are refused or forwarded in a form that is read the same way again`, () => {
    const cases = corpus.filter(({ input, expect }) => input.length < 2_000 && 'forwarded' in expect);
    const change = fc.record({ at: fc.nat(2_000), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.array(change, { minLength: 1, maxLength: 3 }),
        (entry, changes) => {
          const bytes = Buffer.from(entry.input, 'latin1');
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          const first = parse(kind, [bytes], entry.method);
          if (first.error !== undefined) return;
          const again = parse(kind, [Buffer.from(first.forwarded, 'latin1')], entry.method);
          assert.deepEqual(again, first);
        },
      ),
      { numRuns: 3_000 },
    );
  });
}

test('the corpus holds more than a hundred cases, with no two alike', () => {
  const all = [...REQUESTS, ...RESPONSES];
  assert.ok(all.length > 150);
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
});

function check({ expect }: CorpusCase, outcome: Outcome): void {
  if ('error' in expect) assert.equal(outcome.error, expect.error);
  else assert.deepEqual(outcome, { forwarded: expect.forwarded, error: undefined });
}

function split(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at = Math.min(at + size, bytes.length);
  }
  return [...pieces, bytes.subarray(at)].filter((piece) => piece.length > 0);
}

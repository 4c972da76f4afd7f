import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CorpusCase } from './corpus/case.ts';
import { type Outcome, read, readSlowly } from './corpus/read.ts';
import { REQUESTS, RESPONSES } from './corpus.ts';

const KINDS = [
  ['requests', REQUESTS],
  ['responses', RESPONSES],
] as const;
const bytesOf = ({ input }: CorpusCase) => Buffer.from(input, 'latin1');

for (const [kind, corpus] of KINDS) {
  for (const entry of corpus) {
    test(`${kind}: ${entry.name} (${entry.rule})`, () => {
      const input = bytesOf(entry);
      check(entry, read(kind, [input], entry.method));
      if (input.length < 1000)
        check(entry, read(kind, split(input, Array(input.length).fill(1)), entry.method));
    });
  }

  test(`${kind}: any split of the same bytes gives the same result, however slowly it is taken`, () => {
    const cases = corpus.filter(({ input }) => input.length < 10_000);
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.array(fc.nat(400), { maxLength: 8 }), (entry, sizes) => {
        const pieces = split(bytesOf(entry), sizes);
        check(entry, read(kind, pieces, entry.method));
        check(entry, readSlowly(kind, pieces, entry.method));
      }),
      { numRuns: 2_000 },
    );
  });

  test(`${kind}: cut anywhere, only the messages that were complete are understood`, () => {
    const cases = corpus.filter(({ input, expect }) => input.length < 1_000 && 'forwarded' in expect);
    fc.assert(
      fc.property(fc.constantFrom(...cases), fc.nat(1_000), (entry, at) => {
        const input = bytesOf(entry);
        const { forwarded, error } = read(kind, [input.subarray(0, at % input.length)], entry.method);
        assert.ok(error === undefined || error === 'truncated', error);
        // a body that lasts until the connection ends is as long as what came of it
        if (kind === 'requests') assert.ok(complete(entry).startsWith(forwarded));
      }),
      { numRuns: 2_000 },
    );
  });
}

test('the corpus holds more than four hundred cases, with no two alike', () => {
  const all = [...REQUESTS, ...RESPONSES];
  assert.ok(all.length > 400, `${all.length}`);
  assert.equal(new Set(all.map(({ name }) => name)).size, all.length);
  const inputs = all.map(({ method, input }) => `${method ?? 'GET'} ${input}`);
  assert.deepEqual(
    inputs.filter((input, index) => inputs.indexOf(input) !== index),
    [],
  );
});

test('every case names the rule it is about', () => {
  for (const { rule, name } of [...REQUESTS, ...RESPONSES])
    assert.match(rule, /^RFC \d{4} [0-9A-Z.]+$/, name);
});

const complete = ({ expect }: CorpusCase): string => ('error' in expect ? expect.before : expect.forwarded);

function check(entry: CorpusCase, outcome: Outcome): void {
  const error = 'error' in entry.expect ? entry.expect.error : undefined;
  assert.deepEqual(outcome, { forwarded: complete(entry), error });
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

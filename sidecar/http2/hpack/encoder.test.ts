import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import type { HeaderField } from './header-field.ts';
import { HeaderName } from './header-name.ts';
import { headerName } from './header-names.ts';
import { decodePairs, encodePairs, type Pair } from './hpack.fixture.ts';

const create = () => new HpackEncoder(4096);
const decoder = (tableBytes = 4096) => new HpackDecoder(tableBytes, 1 << 20);

test('fields of the static table are one byte each', () => {
  const pairs: Pair[] = [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/'],
    [':status', '404'],
    ['accept-encoding', 'gzip, deflate'],
  ];
  assert.equal(encodePairs(create(), pairs).toString('hex'), '8287848d90');
});

test('a field that the peer before kept is kept, and then is one byte', () => {
  const encoder = create();
  const pairs: Pair[] = [['x-version', 'one']];
  assert.ok(encodePairs(encoder, pairs, true).length > 1);
  assert.equal(encodePairs(encoder, pairs).toString('hex'), 'be');
});

test('a field that nobody kept yet is kept at its second sight', () => {
  const encoder = create();
  const pairs: Pair[] = [['x-version', 'one']];
  assert.equal(encodePairs(encoder, pairs)[0]! & 0xf0, 0);
  assert.equal(encodePairs(encoder, pairs)[0]! & 0xc0, 0x40);
  assert.equal(encodePairs(encoder, pairs).toString('hex'), 'be');
});

test('secrets are never indexed: by name, by mark, or because a cookie is short', () => {
  const isNever = (pairs: readonly Pair[]) => {
    const fields: HeaderField[] = [];
    const block = encodePairs(create(), pairs, true);
    decoder().decode(block, 0, block.length, fields);
    return fields.map(({ isNeverIndexed }) => isNeverIndexed);
  };
  assert.deepEqual(isNever([['authorization', 'Bearer x']]), [true]);
  assert.deepEqual(isNever([['proxy-authorization', 'Basic x']]), [true]);
  assert.deepEqual(isNever([['cookie', 'a=b']]), [true]);
  assert.deepEqual(isNever([['cookie', `a=${'b'.repeat(40)}`]]), [false]);
  assert.deepEqual(isNever([['accept', 'x']]), [false]);
  const into = Buffer.alloc(64);
  const end = create().write(into, 0, headerName('x-key'), 'secret', true, true);
  assert.equal(into[0]! & 0xf0, 0x10);
  assert.ok(end > 1);
});

test('the table shrinks and grows as the peer says, smallest first', () => {
  const encoder = create();
  const peer = decoder();
  const pairs: Pair[] = [['x-version', 'one']];
  decodePairs(peer, encodePairs(encoder, pairs, true));
  encoder.setPeerTableBytes(0);
  encoder.setPeerTableBytes(8192);
  const block = encodePairs(encoder, pairs, true);
  assert.equal(block.toString('hex').slice(0, 8), '203fe11f');
  assert.deepEqual(decodePairs(peer, block), pairs);
  assert.equal(encodePairs(encoder, pairs).toString('hex'), 'be');
});

test('a peer that keeps no table gets none', () => {
  const encoder = create();
  encoder.setPeerTableBytes(0);
  const pairs: Pair[] = [['x-version', 'one']];
  assert.equal(encodePairs(encoder, pairs, true)[0], 0x20);
  assert.equal(encodePairs(encoder, pairs, true)[0]! & 0xc0, 0);
});

const NAME = fc.constantFrom(
  ':path',
  ':authority',
  'accept',
  'cookie',
  'x-a',
  'x-b',
  'set-cookie',
  'date',
  'etag',
);
const LATIN1 = fc
  .array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 })
  .map((codes) => String.fromCharCode(...codes));
const VALUE = fc.oneof(
  fc.constantFrom('', 'one', 'two', 'a longer value than these', 'x'.repeat(300)),
  LATIN1,
);
const FIELD = fc.record({ pair: fc.tuple(NAME, VALUE), isSecret: fc.boolean(), wasIndexed: fc.boolean() });
const STEP = fc.record({
  tableBytes: fc.option(fc.constantFrom(0, 64, 200, 1000, 4096, 9000)),
  fields: fc.array(FIELD, { maxLength: 12 }),
});

test('what is encoded is decoded again, whatever the table and its changes', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 12 }), (steps) => {
      const encoder = create();
      const peer = decoder(9000);
      const into = Buffer.alloc(16 * 1024);
      for (const { tableBytes, fields } of steps) {
        if (tableBytes !== null) encoder.setPeerTableBytes(tableBytes);
        let at = encoder.begin(into, 0);
        for (const { pair, isSecret, wasIndexed } of fields)
          at = encoder.write(into, at, headerName(pair[0]), pair[1], wasIndexed, isSecret);
        assert.deepEqual(
          decodePairs(peer, into.subarray(0, at)),
          fields.map(({ pair }) => pair),
        );
      }
    }),
    { numRuns: 500 },
  );
});

test('strings of any length are decoded again', () => {
  for (const length of [0, 1, 126, 127, 128, 254, 255, 16_383, 16_384, 70_000]) {
    const pairs: Pair[] = [['x-a', 'y'.repeat(length)]];
    assert.deepEqual(decodePairs(decoder(), encodePairs(create(), pairs)), pairs);
  }
});

test('names without end are decoded again, and take no place from names in use', () => {
  const encoder = create();
  const peer = decoder();
  for (let index = 0; index < 3_000; index += 1) {
    const pairs: Pair[] = [[`x-invented-${index}`, 'v']];
    assert.deepEqual(decodePairs(peer, encodePairs(encoder, pairs, true)), pairs);
    if (index % 500 === 0) encodePairs(encoder, [['x-in-use', 'v']], true);
  }
  // as of a table that was filled before
  assert.equal(encodePairs(encoder, [['x-new', 'v']], true)[0]! & 0xc0, 0x40);
  assert.equal(encodePairs(encoder, [['x-new', 'v']]).length, 1);
});

test('names that had one number after the other are told apart', () => {
  const names = ['a', 'b', 'c', 'd', 'e'].map((text, index) => new HeaderName(text, index % 2));
  const step = fc.record({
    name: fc.constantFrom(...names),
    value: fc.constantFrom('1', '2', 'x'.repeat(40)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 64, 160, 4096), (steps, bytes) => {
      const encoder = new HpackEncoder(bytes);
      const peer = decoder();
      encoder.setPeerTableBytes(bytes);
      const into = Buffer.alloc(512);
      for (const { name, value } of steps) {
        const end = encoder.write(into, encoder.begin(into, 0), name, value, true, false);
        assert.deepEqual(decodePairs(peer, into.subarray(0, end)), [[name.text, value]]);
      }
    }),
  );
});

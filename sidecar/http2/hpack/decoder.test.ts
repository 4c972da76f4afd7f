import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionError, H2_ERROR } from '../error-codes.ts';
import { APPENDIX_C } from './appendix-c.fixture.ts';
import { HpackDecoder } from './decoder.ts';
import type { HeaderField } from './header-field.ts';
import { decodePairs } from './hpack.fixture.ts';
import { writeInteger } from './integer.ts';
import { STATIC } from './static-table.ts';

const KIB = 1024;
const create = (tableBytes = 4 * KIB) => new HpackDecoder(tableBytes, 64 * KIB);
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

for (const { section, tableBytes, blocks } of APPENDIX_C) {
  test(`the blocks of RFC 7541 ${section} mean what it says, and leave the table it says`, () => {
    const decoder = create(tableBytes);
    for (const block of blocks) {
      assert.deepEqual(decodePairs(decoder, hex(block.hex)), block.fields);
      assert.equal(decoder.tableBytes, block.tableBytes);
      const indexes = Buffer.from(block.table.map((_, index) => 0x80 | (62 + index)));
      assert.deepEqual(decodePairs(decoder, indexes), block.table);
    }
  });
}

test('a field that was marked never to be indexed is known to be, and one that is in a table too', () => {
  const decoder = create();
  const fields: HeaderField[] = [];
  const block = hex('10 08 70617373776f7264 06 736563726574  40 01 61 01 62  00 01 61 01 63');
  assert.equal(decoder.decode(block, 0, block.length, fields), 3);
  assert.deepEqual(
    fields.map(({ isNeverIndexed, isIndexed }) => [isNeverIndexed, isIndexed]),
    [
      [true, false],
      [false, true],
      [false, false],
    ],
  );
});

test('every entry of the static table is found by its index', () => {
  for (let index = 1; index <= 61; index += 1) {
    const [pair] = decodePairs(create(), Buffer.from([0x80 | index]));
    assert.deepEqual(pair, [STATIC[index]!.name.text, STATIC[index]!.value]);
  }
  assert.deepEqual(decodePairs(create(), Buffer.from([0x80 | 61])), [['www-authenticate', '']]);
});

const REFUSED: Record<string, string> = {
  'index 0': '80',
  'an index beyond the static table with an empty dynamic one': 'be',
  'a name index beyond the tables': '7f 20 01 61',
  'a literal without name': '40',
  'a literal without value': '40 01 61',
  'a name that is cut': '40 05 61',
  'a value that is cut': '40 01 61 05 62',
  'an integer that is cut': 'ff 80',
  'an integer that does not end': 'ff 80 80 80 80 80 80 01',
  'an integer beyond 28 bits': 'ff ff ff ff ff 7f',
  'a table larger than allowed': '3f e2 1f',
  'a change of the table size after a field': '82 20',
  'three changes of the table size': '20 21 22',
  'EOS in a string': '00 01 61 84 ff ff ff ff',
  'padding of eight bits': '00 01 61 82 1f ff',
  'padding with zeros': '00 01 61 81 18',
  'padding that is a whole symbol too many': '00 01 61 81 ff',
};
for (const [what, block] of Object.entries(REFUSED)) {
  test(`${what} is a compression error`, () => {
    assert.throws(
      () => decodePairs(create(), hex(block)),
      (error) => error instanceof ConnectionError && error.code === H2_ERROR.compression,
    );
  });
}

test('two changes of the table size at the beginning are followed, and drop what does not fit', () => {
  const decoder = create();
  decodePairs(decoder, hex('40 01 61 01 62'));
  assert.equal(decoder.tableBytes, 34);
  assert.deepEqual(decodePairs(decoder, hex('20 3f e1 1f 82')), [[':method', 'GET']]);
  assert.equal(decoder.tableBytes, 0);
});

test('a list beyond the bound is not kept, and the table is right all the same', () => {
  const decoder = new HpackDecoder(4 * KIB, 100);
  const value = 'x'.repeat(60);
  const literal = (name: string) => Buffer.from(`\x40\x01${name}\x3c${value}`, 'latin1');
  assert.equal(decodePairs(decoder, Buffer.concat([literal('a'), literal('b')])).length, 1);
  assert.ok(decoder.isOverflowing);
  assert.equal(decoder.listBytes, 2 * (1 + 60 + 32));
  assert.deepEqual(decodePairs(decoder, hex('be')), [['b', value]]);
  assert.ok(!decoder.isOverflowing);
});

test('a small block that refers to a large entry over and over stays within the bound', () => {
  const decoder = create();
  const entry = Buffer.concat([hex('40 01 61 7f a1 1e'), Buffer.alloc(4000, 'x')]);
  decodePairs(decoder, entry);
  const fields: HeaderField[] = [];
  const bomb = Buffer.alloc(16 * KIB, 0xbe);
  assert.ok(decoder.decode(bomb, 0, bomb.length, fields) <= 17);
  assert.ok(decoder.isOverflowing);
});

test('an entry larger than the table empties it', () => {
  const decoder = create(64);
  decodePairs(decoder, hex('40 01 61 01 62'));
  const large = Buffer.concat([hex('40 01 63 28'), Buffer.alloc(40, 'x')]);
  assert.equal(decodePairs(decoder, large).length, 1);
  assert.equal(decoder.tableBytes, 0);
});

test('integers are written as in RFC 7541 C.1', () => {
  const into = Buffer.alloc(8);
  const written = (prefixBits: number, value: number) =>
    into.toString('hex', 0, writeInteger(into, 0, 0, prefixBits, value));
  assert.equal(written(5, 10), '0a');
  assert.equal(written(5, 1337), '1f9a0a');
  assert.equal(written(8, 42), '2a');
});

test('any bytes are decoded or refused, never anything else', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }), (blocks) => {
      const decoder = create(256);
      try {
        for (const block of blocks) decodePairs(decoder, Buffer.from(block));
      } catch (error) {
        assert.ok(error instanceof ConnectionError && error.code === H2_ERROR.compression);
      }
      assert.ok(decoder.tableBytes <= 256);
    }),
    { numRuns: 2_000 },
  );
});

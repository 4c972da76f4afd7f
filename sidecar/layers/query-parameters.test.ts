import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { QueryParameters } from './query-parameters.ts';

function read(query: string, name: string): string | undefined {
  const parameters = new QueryParameters();
  const slot = parameters.register(name);
  parameters.read(query);
  return parameters.value(slot);
}

const TABLE: readonly (readonly [query: string, name: string, value: string | undefined])[] = [
  ['', 'a', undefined],
  ['a=1', 'a', '1'],
  ['b=2&a=1', 'a', '1'],
  ['a', 'a', ''],
  ['a=', 'a', ''],
  ['a&a=1', 'a', ''],
  ['a=1&a=2', 'a', '1'],
  ['ab=1', 'a', undefined],
  ['A=1', 'a', undefined],
  ['a=1=2', 'a', '1=2'],
  ['&&a=1&', 'a', '1'],
  ['=1', '', '1'],
  ['a=%41%2f%C3%A9', 'a', 'A/é'],
  ['%61=1', 'a', '1'],
  ['a%3Db=1', 'a=b', '1'],
  ['a=%26b=2', 'b', undefined],
  ['a=1+2', 'a', '1+2'],
  ['a=%2', 'a', '%2'],
  ['a=%', 'a', '%'],
  ['a=%zz%4', 'a', '%zz%4'],
  ['a=%%41', 'a', '%A'],
  ['a=%2541', 'a', '%41'],
  ['a=%ff', 'a', '\ufffd'],
];
for (const [query, name, value] of TABLE) {
  test(`of '${query}' the parameter '${name}' is ${value === undefined ? 'absent' : `'${value}'`}`, () => {
    assert.equal(read(query, name), value);
  });
}

test('one name has one slot, and other names have others', () => {
  const parameters = new QueryParameters();
  assert.equal(parameters.register('a'), parameters.register('a'));
  assert.notEqual(parameters.register('a'), parameters.register('b'));
});

test('nothing of an earlier query is left', () => {
  const parameters = new QueryParameters();
  const slot = parameters.register('a');
  parameters.read('a=1');
  parameters.read('b=1');
  assert.equal(parameters.value(slot), undefined);
});

test('what comes after 1,000 parameters counts as absent', () => {
  assert.equal(read(`${'x&'.repeat(999)}a=1`, 'a'), '1');
  assert.equal(read(`${'x&'.repeat(1000)}a=1`, 'a'), undefined);
});

test('any value that was encoded is read back', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  fc.assert(
    fc.property(text, text, text, (name, value, other) => {
      fc.pre(name !== other);
      const query = `${encodeURIComponent(other)}=x&${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
      assert.equal(read(query, name), value);
    }),
    { numRuns: 2_000 },
  );
});

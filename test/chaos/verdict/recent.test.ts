import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recent } from './recent.ts';

test('what was added is known for as long as was asked for', () => {
  const recent = new Recent(100);
  assert.equal(recent.add('a', 1_000), true);
  assert.equal(recent.add('a', 1_099), false);
  recent.add('b', 1_100);
  assert.ok(recent.has('a') && recent.has('b'));
});

test('and forgotten some time later', () => {
  const recent = new Recent(100);
  recent.add('a', 1_000);
  recent.add('b', 1_100);
  recent.add('c', 1_200);
  assert.deepEqual(
    ['a', 'b', 'c'].map((each) => recent.has(each)),
    [false, true, true],
  );
  recent.add('d', 9_000);
  assert.deepEqual(
    ['b', 'c', 'd'].map((each) => recent.has(each)),
    [false, false, true],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantityBytes } from './quantity.ts';

test('a size is a number of bytes, in units of 1000 and of 1024', () => {
  const sizes = [0, 1048576, '0', '512', '64Ki', '10Mi', '2Gi', '3k', '4M', '5G'];
  assert.deepEqual(sizes.map(quantityBytes), [
    ...[0, 1_048_576, 0, 512, 65_536, 10_485_760, 2_147_483_648, 3000, 4_000_000, 5_000_000_000],
  ]);
});

test('what no number can hold exactly is the largest that can', () => {
  assert.equal(quantityBytes('999999999999Gi'), Number.MAX_SAFE_INTEGER);
});

test('anything else is no size', () => {
  for (const text of ['', 'Ki', '-1', '1.5Gi', '1Ti', '1 Ki', '1e3', '1K', '1234567890123', '1Ki\n', ' 1']) {
    assert.ok(Number.isNaN(quantityBytes(text)), JSON.stringify(text));
  }
  for (const value of [-1, 1.5, Number.NaN]) assert.ok(Number.isNaN(quantityBytes(value)));
});

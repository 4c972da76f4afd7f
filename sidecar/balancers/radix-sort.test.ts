import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sortByKey } from './radix-sort.ts';

test('keys come out ascending, each with its value, equal ones in the order they came', () => {
  const key = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 0xffff_ffff }));
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), (input) => {
      const keys = Uint32Array.from(input);
      const values = Uint32Array.from(input.keys());
      sortByKey(keys, values);
      // Array.prototype.sort is stable
      const expected = [...input.entries()].sort(([, a], [, b]) => a - b);
      assert.deepEqual(
        [...values].map((value, at) => [value, keys[at]]),
        expected,
      );
    }),
  );
});

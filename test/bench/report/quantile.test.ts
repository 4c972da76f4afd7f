import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { medianOf, quantile, spreadOf } from './quantile.ts';

test('the median of an odd number is the one in the middle, of an even number the mean of the two', () => {
  assert.equal(medianOf([9, 1, 5]), 5);
  assert.equal(medianOf([4, 1, 3, 2]), 2.5);
});

test('quartiles are interpolated between the closest ranks', () => {
  assert.deepEqual(spreadOf([1, 2, 3, 4, 5]), { median: 3, q1: 2, q3: 4 });
  assert.deepEqual(spreadOf([10, 20]), { median: 15, q1: 12.5, q3: 17.5 });
});

test('one value is all of its quantiles, and nothing has none', () => {
  assert.deepEqual(spreadOf([7]), { median: 7, q1: 7, q3: 7 });
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('a quantile lies within the values, rises with q, and does not depend on their order', () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
  const q = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(values, q, q, (sample, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const atLow = quantile(sample, low);
      assert.ok(atLow >= Math.min(...sample) - 1e-6);
      assert.ok(quantile(sample, high) <= Math.max(...sample) + 1e-6);
      assert.ok(atLow <= quantile(sample, high) + 1e-6);
      assert.equal(quantile(sample.toReversed(), low), atLow);
    }),
  );
});

test('the sample that was given is not sorted in place', () => {
  const sample = [3, 1, 2];
  quantile(sample, 0.5);
  assert.deepEqual(sample, [3, 1, 2]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WeightedSampler } from './weighted-sampler.ts';

test('over all that chance can say, each index is drawn in proportion to its weight', () => {
  const weights = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 1_000_000 })), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(weights, (list) => {
      const draws = 10_000;
      let drawn = 0;
      const sampler = new WeightedSampler(() => (drawn + 0.5) / draws);
      sampler.update(Float64Array.from(list));
      const counts = list.map(() => 0);
      for (; drawn < draws; drawn += 1) counts[sampler.sample()]! += 1;
      const sum = list.reduce((a, b) => a + b);
      // each column of the table errs by one draw at most
      for (const [index, weight] of list.entries()) {
        assert.ok(Math.abs(counts[index]! - (weight / sum) * draws) <= 2 * list.length + 1);
      }
    }),
  );
});

test('equal weights need no table', () => {
  const sampler = new WeightedSampler(() => 0.99);
  sampler.update(Float64Array.of(3, 3, 3));
  assert.equal(sampler.isUniform, true);
  assert.equal(sampler.sample(), 2);
  sampler.update(Float64Array.of(3, 3, 4));
  assert.equal(sampler.isUniform, false);
});

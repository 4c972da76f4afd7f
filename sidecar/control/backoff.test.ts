import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';

const delays = (random: () => number, count: number) => {
  const backoff = new Backoff({ baseMs: 100, maxMs: 15_000, random });
  return Array.from({ length: count }, () => backoff.nextMs());
};

describe('backoff', () => {
  it('doubles its ceiling up to the greatest', () => {
    const ceilings = delays(() => 1, 10);
    assert.deepEqual(ceilings, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
  });

  it('waits any share of the ceiling, never more', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        (share, count) => {
          const last = delays(() => share, count).at(-1)!;
          assert.equal(last, share * Math.min(15_000, 100 * 2 ** (count - 1)));
        },
      ),
    );
  });

  it('starts again after a reset', () => {
    const backoff = new Backoff({ baseMs: 100, maxMs: 15_000, random: () => 1 });
    backoff.nextMs();
    backoff.nextMs();
    backoff.reset();
    assert.equal(backoff.nextMs(), 100);
  });
});

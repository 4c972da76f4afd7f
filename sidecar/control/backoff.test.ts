import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Backoff } from './backoff.ts';

/** Of attempts that fail at once, each made when its time has come. */
const delays = (random: () => number, count: number, failsAfterMs = 0) => {
  const backoff = new Backoff({ baseMs: 100, maxMs: 15_000, random });
  let nowMs = 5_000;
  return Array.from({ length: count }, () => {
    const delayMs = backoff.nextMs(nowMs);
    nowMs += delayMs + failsAfterMs;
    return delayMs;
  });
};

describe('backoff', () => {
  it('doubles its ceiling up to the greatest', () => {
    const ceilings = delays(() => 1, 9, 60_000);
    assert.deepEqual(ceilings, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000]);
  });

  it('waits any share of the ceiling, never more', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        (share, count) => {
          const last = delays(() => share, count, 60_000).at(-1)!;
          assert.equal(last, share * Math.min(15_000, 100 * 2 ** (count - 1)));
        },
      ),
    );
  });

  it('waits no longer than half of the time since the first attempt, from a second on', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (shares) => {
        let at = 0;
        const random = () => shares[at++ % shares.length]!;
        let awayMs = 0;
        for (const delayMs of delays(random, 40)) {
          assert.ok(delayMs <= Math.max(1_000, awayMs / 2) + 0.001, `${delayMs} after ${awayMs}`);
          awayMs += delayMs;
        }
      }),
    );
  });

  it('grows as ever after the clock was set back', () => {
    const backoff = new Backoff({ baseMs: 100, maxMs: 15_000, random: () => 1 });
    let nowMs = 3_600_000;
    backoff.nextMs(nowMs);
    nowMs = 0;
    let last = 0;
    for (let count = 0; count < 20; count += 1) {
      last = backoff.nextMs(nowMs);
      nowMs += last;
    }
    assert.equal(last, 15_000);
  });

  it('starts again after a reset', () => {
    const backoff = new Backoff({ baseMs: 100, maxMs: 15_000, random: () => 1 });
    backoff.nextMs(0);
    backoff.nextMs(0);
    backoff.reset();
    assert.equal(backoff.nextMs(0), 100);
  });
});

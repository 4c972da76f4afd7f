import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Gcra } from './gcra.ts';

const limits = fc.record({
  requests: fc.integer({ min: 1, max: 1_000 }),
  perMs: fc.integer({ min: 1, max: 100_000 }),
  burst: fc.integer({ min: 0, max: 50 }),
});
/** Microseconds between one arrival and the next. */
const gaps = fc.array(
  fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 2_000_000 })),
  {
    maxLength: 200,
    size: 'max',
  },
);

interface Limit {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
}

/** When the admitted ones came, in microseconds. */
function admit({ requests, perMs, burst }: Limit, arrivalsUs: readonly number[]): number[] {
  const gcra = new Gcra(requests, perMs, burst);
  let tat = 0;
  return arrivalsUs.filter((atUs) => {
    const now = gcra.units(atUs / 1_000);
    if (gcra.early(tat, now) > 0) return false;
    tat = gcra.next(tat, now);
    return true;
  });
}

/** A leaky bucket in exact fractions: it holds burst + 1 and runs out at the rate. */
function admitByBucket({ requests, perMs, burst }: Limit, arrivalsUs: readonly number[]): number[] {
  // level in requests times perUs
  const perUs = BigInt(perMs) * 1_000n;
  let level = 0n;
  let lastUs = 0;
  return arrivalsUs.filter((atUs) => {
    level -= BigInt(atUs - lastUs) * BigInt(requests);
    if (level < 0n) level = 0n;
    lastUs = atUs;
    if (level > BigInt(burst) * perUs) return false;
    level += perUs;
    return true;
  });
}

function arrivals(distances: readonly number[]): number[] {
  let atUs = 5_000_000;
  return distances.map((gap) => {
    atUs += gap;
    return atUs;
  });
}

test('it admits exactly what a leaky bucket in exact fractions admits', () => {
  fc.assert(
    fc.property(limits, gaps, (limit, distances) => {
      const at = arrivals(distances);
      assert.deepEqual(admit(limit, at), admitByBucket(limit, at));
    }),
  );
});

test('it does so to the microsecond', () => {
  const dense = fc.record({
    requests: fc.integer({ min: 100, max: 2_000 }),
    perMs: fc.constant(1),
    burst: fc.integer({ min: 0, max: 3 }),
  });
  const near = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 200, size: 'max' });
  fc.assert(
    fc.property(dense, near, (limit, distances) => {
      const at = arrivals(distances);
      assert.deepEqual(admit(limit, at), admitByBucket(limit, at));
    }),
  );
});

test('in no span of time more than one, the burst and what the rate gives', () => {
  fc.assert(
    fc.property(limits, gaps, (limit, distances) => {
      const admitted = admit(limit, arrivals(distances));
      for (let first = 0; first < admitted.length; first += 1) {
        for (let last = first; last < admitted.length; last += 1) {
          const spanUs = BigInt(admitted[last]! - admitted[first]!);
          const byRate = (spanUs * BigInt(limit.requests)) / (BigInt(limit.perMs) * 1_000n);
          assert.ok(BigInt(last - first + 1) <= 1n + BigInt(limit.burst) + byRate);
        }
      }
    }),
  );
});

test('who waits as long as told is admitted, and who waits a microsecond less is not', () => {
  fc.assert(
    fc.property(limits, gaps, ({ requests, perMs, burst }, distances) => {
      const gcra = new Gcra(requests, perMs, burst);
      let tat = 0;
      for (const atUs of arrivals(distances)) {
        const now = gcra.units(atUs / 1_000);
        const early = gcra.early(tat, now);
        if (early > 0) {
          const waitUs = Math.ceil(gcra.milliseconds(early) * 1_000 - 1e-6);
          assert.ok(gcra.early(tat, gcra.units((atUs + waitUs) / 1_000)) <= 0);
          assert.ok(gcra.early(tat, gcra.units((atUs + waitUs - 1) / 1_000)) > 0);
        } else tat = gcra.next(tat, now);
      }
    }),
  );
});

test('after a year of uptime an odd rate is still kept to within a millionth', () => {
  const yearMs = 365 * 86_400_000;
  const gcra = new Gcra(7, 1_000, 0);
  let tat = 0;
  let admitted = 0;
  for (let step = 0; step < 100_000; step += 1) {
    const now = gcra.units(yearMs + step);
    if (gcra.early(tat, now) > 0) continue;
    tat = gcra.next(tat, now);
    admitted += 1;
  }
  assert.equal(admitted, 700);
});

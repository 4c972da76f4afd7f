import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Gcra } from './gcra.ts';
import { overflowEntry, RateLimitKeys, rateLimitKey } from './rate-limit-keys.ts';

/** One limit over keys, with a clock in whole milliseconds. */
class Limited {
  readonly keys: RateLimitKeys;
  readonly #gcra: Gcra;

  constructor(max: number, requests: number, perMs: number, burst: number) {
    this.keys = new RateLimitKeys(max);
    this.#gcra = new Gcra(requests, perMs, burst);
  }

  admits(key: string, sender: number, atMs: number): boolean {
    const now = this.#gcra.units(atMs);
    const tat = this.keys.look(key, sender, now);
    if (this.#gcra.early(tat, now) > 0) return false;
    this.keys.take(this.#gcra.next(tat, now));
    return true;
  }
}

const START_MS = 1_000;
const steps = (keys: number, senders: number) =>
  fc.array(
    fc.record({
      key: fc.integer({ min: 0, max: keys - 1 }).map((key) => `k${key}`),
      sender: fc.integer({ min: 0, max: senders - 1 }),
      afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 300 })),
    }),
    { maxLength: 300, size: 'max' },
  );

test('with room for all keys each has what it would have alone', () => {
  fc.assert(
    fc.property(steps(20, 3), (sequence) => {
      const limited = new Limited(20, 1, 100, 2);
      const alone = new Map<string, Limited>();
      let atMs = START_MS;
      for (const { key, sender, afterMs } of sequence) {
        atMs += afterMs;
        const own = alone.get(key) ?? new Limited(1, 1, 100, 2);
        alone.set(key, own);
        assert.equal(limited.admits(key, sender, atMs), own.admits('', 0, atMs));
      }
    }),
  );
});

test('however many keys a sender uses, none of them gets more than it would alone, and memory is bounded', () => {
  fc.assert(
    fc.property(steps(40, 1), (sequence) => {
      const limited = new Limited(4, 1, 100, 2);
      const admitted = new Map<string, number[]>();
      let atMs = START_MS;
      for (const { key, afterMs } of sequence) {
        atMs += afterMs;
        if (!limited.admits(key, 0, atMs)) continue;
        const times = admitted.get(key) ?? [];
        admitted.set(key, times);
        times.push(atMs);
        assert.ok(limited.keys.size <= 4);
      }
      for (const times of admitted.values()) {
        times.forEach((from, first) => {
          times.slice(first).forEach((to, count) => {
            assert.ok(count + 1 <= 1 + 2 + Math.floor((to - from) / 100), `${times}`);
          });
        });
      }
    }),
  );
});

test('a key that has an entry keeps its budget while a flood of others comes', () => {
  const limited = new Limited(100, 1, 60_000, 1);
  assert.ok(limited.admits('mine', 1, START_MS));
  assert.ok(limited.admits('mine', 1, START_MS));
  for (let flood = 0; flood < 10_000; flood += 1) limited.admits(`random${flood}`, 2, START_MS + 1);
  assert.ok(!limited.admits('mine', 1, START_MS + 2));
  assert.ok(limited.admits('mine', 1, START_MS + 60_000));
});

test('who fills the table is limited to one more key, and other senders are let in', () => {
  const limited = new Limited(100, 1, 60_000, 1);
  let admitted = 0;
  for (let flood = 0; flood < 10_000; flood += 1) {
    if (limited.admits(`random${flood}`, 2, START_MS)) admitted += 1;
  }
  assert.equal(admitted, 100 + 2);
  assert.ok(limited.admits('new', 3, START_MS + 1));
  assert.ok(limited.admits('newer', 3, START_MS + 1));
  assert.ok(!limited.admits('newest', 3, START_MS + 1));
});

test('a key that gets an entry later does not begin afresh', () => {
  const limited = new Limited(1, 1, 1_000, 1);
  assert.ok(limited.admits('first', 0, START_MS));
  assert.ok(limited.admits('late', 0, START_MS + 900));
  assert.ok(limited.admits('late', 0, START_MS + 900));
  assert.ok(!limited.admits('late', 0, START_MS + 900));
  // the entry of `first` is free now
  assert.ok(!limited.admits('late', 0, START_MS + 1_000));
});

test('entries whose time has passed go to new keys, and everybody is admitted in the end', () => {
  const limited = new Limited(10, 1, 1_000, 0);
  for (let round = 0; round < 50; round += 1) {
    for (let key = 0; key < 10; key += 1) {
      assert.ok(limited.admits(`round${round}-${key}`, 0, START_MS + round * 1_000));
    }
  }
  assert.equal(limited.keys.size, 10);
});

test('a long value is kept as its digest, and is not the same as that digest sent as a value', () => {
  const long = 'x'.repeat(16_384);
  assert.ok(rateLimitKey(long).length < 64);
  assert.notEqual(rateLimitKey(long), rateLimitKey(`${long}y`));
  assert.notEqual(rateLimitKey(long), rateLimitKey(rateLimitKey(long).trim()));
  assert.equal(rateLimitKey('x'.repeat(128)), 'x'.repeat(128));
});

test('callers with an identity never share the overflow of those without', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(), (one, other, seed) => {
      assert.ok(overflowEntry(one, true, seed) < 512);
      assert.ok(overflowEntry(other, false, seed) >= 512);
    }),
  );
});

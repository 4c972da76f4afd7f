import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostsOf } from './hosts.fixture.ts';
import { cost, observe } from './peak-ewma.ts';

const host = () => hostsOf(1)[0]!;
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} instead of ${expected}`);

test('the first latency is taken as it is, a higher one at once, a lower one with time', () => {
  const one = host();
  observe(one, 1_000, 20);
  assert.equal(one.latencyMs, 20);
  observe(one, 1_000, 300);
  assert.equal(one.latencyMs, 300);
  observe(one, 1_000, 20);
  assert.equal(one.latencyMs, 300);
  observe(one, 11_000, 20);
  near(one.latencyMs, 300 * Math.exp(-1) + 20 * (1 - Math.exp(-1)));
});

test('the estimate stays between the lowest and the highest latency seen, whatever the clock does', () => {
  const sample = fc.record({
    atMs: fc.nat(100_000),
    latencyMs: fc.double({ min: 1, max: 1e6, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
      const one = host();
      for (const { atMs, latencyMs } of samples) observe(one, atMs, latencyMs);
      const latencies = samples.map(({ latencyMs }) => latencyMs);
      assert.ok(one.latencyMs >= Math.min(...latencies) * (1 - 1e-9));
      assert.ok(one.latencyMs <= Math.max(...latencies));
    }),
  );
});

test('cost grows with latency and with requests in flight for the weight', () => {
  const one = host();
  observe(one, 5_000, 10);
  assert.equal(cost(one, 1, 5_000), 10);
  one.active = 3;
  assert.equal(cost(one, 1, 5_000), 40);
  assert.equal(cost(one, 3, 5_000), 20);
});

test('a host that gets no requests is forgiven with time', () => {
  const one = host();
  observe(one, 5_000, 1_000);
  near(cost(one, 1, 15_000), 1_000 * Math.exp(-1));
  assert.ok(cost(one, 1, 105_000) < 0.1);
});

test('a latency of zero is known, and not infinitely cheap', () => {
  const one = host();
  observe(one, 5_000, 0);
  assert.ok(one.latencyMs > 0);
  assert.ok(cost(one, 1, 5_000) > 0);
});

test('an unknown host is tried by one request at once, and is the dearest until that is answered', () => {
  const one = host();
  assert.equal(cost(one, 1, 5_000), 0);
  one.active = 1;
  const slow = host();
  observe(slow, 5_000, 1e9);
  slow.active = 1_000;
  assert.ok(cost(one, 1, 5_000) > cost(slow, 1, 5_000));
});

test('of unknown hosts the one with fewer requests in flight is cheaper', () => {
  const [one, other] = hostsOf(2);
  one!.active = 2;
  other!.active = 1;
  assert.ok(cost(other!, 1, 0) < cost(one!, 1, 0));
});

test('a host of which attempts tell nothing is tried once a second, not as the cheapest', () => {
  const one = host();
  observe(one, 5_000, undefined);
  assert.ok(cost(one, 1, 5_500) > 1e12);
  assert.equal(cost(one, 1, 6_000), 0);
  observe(one, 6_000, 7);
  assert.equal(cost(one, 1, 6_000), 7);
});

test('an attempt that tells nothing does not touch what is known', () => {
  const one = host();
  observe(one, 5_000, 10);
  observe(one, 9_000, undefined);
  assert.deepEqual([one.latencyMs, one.latencyAtMs], [10, 5_000]);
});

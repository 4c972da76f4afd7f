import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { Host } from './host.ts';
import { HostSet } from './host-set.ts';
import { endpointsOf } from './hosts.fixture.ts';
import { seededRandom } from './seeded-random.fixture.ts';

function started(slowStartMs: number | undefined, first = 3) {
  const timers = new FakeTimers();
  const set = new HostSet({ timers, random: seededRandom(1) });
  set.setPolicy(slowStartMs === undefined ? {} : { algorithm: 'RoundRobin', slowStartMs }, undefined);
  set.update(endpointsOf(first));
  const shareOf = (host: Host, picks = 1_000) =>
    Array.from({ length: picks }, () => set.pick(timers.nowMs(), 0, [])).filter((picked) => picked === host)
      .length / picks;
  return { set, timers, shareOf };
}
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 0.01, `${actual} instead of ${expected}`);

test('a host that joins starts with a tenth of its weight and gets there in a straight line', (t: TestContext) => {
  const { set, timers, shareOf } = started(30_000);
  shareOf(set.hosts[0]!);
  set.update(endpointsOf(4));
  const joined = set.hosts[3]!;
  const shares: number[] = [];
  for (let elapsedMs = 0; elapsedMs <= 33_000; elapsedMs += 3_000) {
    shares.push(shareOf(joined));
    timers.advance(3_000);
  }
  t.diagnostic(`share of the host that joined, every 3 s: ${shares.join(' ')}`);
  for (const [step, share] of shares.entries()) {
    const weight = Math.min(1, Math.max(0.1, step / 10));
    near(share, weight / (3 + weight));
  }
});

test('hosts of the first list are used in full at once', () => {
  const { set, timers, shareOf } = started(30_000);
  near(shareOf(set.hosts[0]!), 1 / 3);
  assert.equal(timers.pending, 0);
});

test('without slow start a host that joins is used in full at once', () => {
  for (const slowStartMs of [undefined, 0]) {
    const { set, timers, shareOf } = started(slowStartMs);
    set.update(endpointsOf(4));
    assert.ok(shareOf(set.hosts[3]!) > 0.2);
    assert.equal(timers.pending, 0);
  }
});

test('a timer runs only while some host is young and the set is in use', () => {
  const { set, timers, shareOf } = started(10_000);
  set.update(endpointsOf(4));
  assert.equal(timers.pending, 0);
  shareOf(set.hosts[3]!);
  assert.equal(timers.pending, 1);
  timers.advance(1_000);
  assert.equal(timers.pending, 0);
  for (let step = 0; step < 10; step += 1) {
    shareOf(set.hosts[3]!, 10);
    assert.ok(timers.pending <= 1);
    timers.advance(1_000);
  }
  near(shareOf(set.hosts[3]!), 1 / 4);
  assert.equal(timers.pending, 0);
});

test('a host that leaves and comes back while young is young again, one that stays is not', () => {
  const { set, timers, shareOf } = started(10_000);
  set.update(endpointsOf(4));
  shareOf(set.hosts[3]!);
  timers.advance(5_000);
  set.update(endpointsOf(3));
  set.update(endpointsOf(4));
  near(shareOf(set.hosts[3]!), 0.1 / 3.1);
  set.update(endpointsOf(4).reverse());
  near(shareOf(set.hosts[3]!), 1 / 3.1);
});

test('hosts that all join at once share evenly', () => {
  const { set, shareOf } = started(10_000, 0);
  set.update(endpointsOf(4));
  near(shareOf(set.hosts[2]!), 1 / 4);
});

test('close stops the timer and empties the set', () => {
  const { set, timers, shareOf } = started(10_000);
  set.update(endpointsOf(4));
  shareOf(set.hosts[3]!);
  set.close();
  assert.equal(timers.pending, 0);
  assert.equal(set.pick(timers.nowMs(), 0, []), undefined);
  assert.equal(timers.pending, 0);
});

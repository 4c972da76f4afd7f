import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LoadBalancing } from '../../api/destination-traffic.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { Host } from './host.ts';
import { HostSet } from './host-set.ts';
import { endpointsOf, hashOf } from './hosts.fixture.ts';
import { capacityShare, loadedShare } from './locality.ts';
import { seededRandom } from './seeded-random.fixture.ts';

const PREFER: LoadBalancing = { algorithm: 'RoundRobin', locality: 'PreferSameZone' };

/** As many hosts in each zone as `counts` says; the caller is in zone a. */
function zoned(
  counts: { readonly [zone: string]: number },
  policy = PREFER,
  ownZone: string | undefined = 'a',
) {
  const zones = Object.entries(counts).flatMap(([zone, count]) => Array<string>(count).fill(zone));
  const set = new HostSet({ timers: new FakeTimers(), random: seededRandom(1) });
  set.setPolicy(policy, ownZone);
  set.update(endpointsOf(zones.length).map((endpoint, index) => ({ ...endpoint, zone: zones[index]! })));
  const pick = (hash = 0, avoid: readonly Host[] = []) => set.pick(0, hash, avoid);
  const shareOf = (zone: string, picks = 4_000) => {
    const hits = Array.from({ length: picks }, (_, index) => pick(hashOf(index))?.endpoint.zone === zone);
    return hits.filter(Boolean).length / picks;
  };
  const inZone = (zone: string) => set.hosts.filter((host) => host.endpoint.zone === zone);
  return { set, pick, shareOf, inZone };
}
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 0.03, `${actual} instead of ${expected}`);

test('a zone with its fair part of the hosts keeps all requests, even if that is one host', () => {
  assert.equal(zoned({ a: 4, b: 4, c: 4 }).shareOf('a'), 1);
  assert.equal(zoned({ a: 1, b: 1, c: 1 }).shareOf('a'), 1);
  assert.equal(zoned({ a: 9, b: 1 }).shareOf('a'), 1);
});

test('a zone with less than its part keeps what it can carry, and the rest goes to the others', () => {
  const { shareOf } = zoned({ a: 2, b: 9, c: 9 });
  near(shareOf('a'), 0.1 * 3 * 1.4);
  near(shareOf('b'), (1 - 0.42) / 2);
});

test('as local hosts fall out their requests spill over, a few without effect', (t: TestContext) => {
  const { set, shareOf, inZone } = zoned({ a: 10, b: 10, c: 10 });
  const shares: number[] = [];
  for (let out = 0; out <= 10; out += 1) {
    for (const [index, host] of inZone('a').entries()) host.healthy = index >= out;
    set.refresh();
    shares.push(shareOf('a'));
  }
  t.diagnostic(`local share with 0 to 10 of 10 local hosts out: ${shares.join(' ')}`);
  assert.deepEqual(shares.slice(0, 3), [1, 1, 1]);
  near(shares[5]!, (5 / 25) * 3 * 1.4);
  assert.ok(shares.every((share, index) => index === 0 || share <= shares[index - 1]! + 0.02));
  assert.equal(shares[10], 0);
});

test('more than two requests in flight a local host bring in the other zones, and they leave again', () => {
  const { set, shareOf, inZone } = zoned({ a: 2, b: 4, c: 4 });
  const even = { a: 4, b: 4, c: 4 };
  const busy = zoned(even);
  for (const host of busy.inZone('a')) for (let n = 0; n < 2; n += 1) busy.set.started(host);
  assert.equal(busy.shareOf('a'), 1);
  for (const host of busy.inZone('a')) for (let n = 0; n < 2; n += 1) busy.set.started(host);
  near(busy.shareOf('a'), 0.5);
  for (const host of busy.inZone('a')) for (let n = 0; n < 96; n += 1) busy.set.started(host);
  near(busy.shareOf('a'), 1 / 3);
  for (const host of busy.inZone('a')) for (let n = 0; n < 100; n += 1) busy.set.finished(host, 0, undefined);
  assert.equal(busy.shareOf('a'), 1);

  for (const host of inZone('b')) for (let n = 0; n < 100; n += 1) set.started(host);
  near(shareOf('a'), 0.2 * 3 * 1.4);
});

test('requests in flight are counted rightly over updates', () => {
  const { set, shareOf, inZone } = zoned({ a: 4, b: 4, c: 4 });
  const local = inZone('a')[0]!;
  for (let n = 0; n < 16; n += 1) set.started(local);
  near(shareOf('a'), 0.5);
  set.update(set.hosts.map((host) => host.endpoint));
  near(shareOf('a'), 0.5);
  set.update(set.hosts.map((host) => host.endpoint).filter((endpoint) => endpoint !== local.endpoint));
  assert.equal(shareOf('a'), 1);
  for (let n = 0; n < 16; n += 1) set.finished(local, 0, 1);
  for (let n = 0; n < 12; n += 1) set.started(inZone('a')[0]!);
  near(shareOf('a'), 0.5);
});

test('requests in flight to a host that moves to another zone no longer load this one', () => {
  const { set, shareOf, inZone } = zoned({ a: 4, b: 4, c: 4 });
  const moving = inZone('a')[0]!;
  for (let n = 0; n < 24; n += 1) set.started(moving);
  assert.ok(shareOf('a') < 0.5);
  set.update(
    set.hosts.map(({ endpoint }) => (endpoint === moving.endpoint ? { ...endpoint, zone: 'b' } : endpoint)),
  );
  assert.equal(shareOf('a'), 1);
  for (let n = 0; n < 24; n += 1) set.finished(moving, 0, 1);
  for (let n = 0; n < 12; n += 1) set.started(inZone('a')[0]!);
  near(shareOf('a'), 0.5);
});

test('when all local hosts are avoided another zone is tried, and the other way round', () => {
  const { set, pick, inZone } = zoned({ a: 2, b: 2 });
  assert.equal(pick(0, inZone('a'))?.endpoint.zone, 'b');
  assert.equal(pick(0, inZone('b'))?.endpoint.zone, 'a');
  assert.equal(pick(0, set.hosts), undefined);
  const few = zoned({ a: 1, b: 40 });
  for (let n = 0; n < 50; n += 1) assert.equal(few.pick(0, few.inZone('b'))?.endpoint.zone, 'a');
});

test('zones do not count without a policy, a zone of our own, or a local host, nor in panic', () => {
  const counts = { a: 4, b: 4, c: 4 };
  near(zoned(counts, { algorithm: 'RoundRobin' }).shareOf('a'), 1 / 3);
  near(zoned(counts, { algorithm: 'RoundRobin', locality: 'Any' }).shareOf('a'), 1 / 3);
  near(zoned({ b: 4, c: 4 }).shareOf('b'), 1 / 2);
  const homeless = zoned(counts);
  homeless.set.setPolicy(PREFER, undefined);
  near(homeless.shareOf('a'), 1 / 3);
  const { set, shareOf } = zoned(counts);
  for (const host of set.hosts.slice(1)) host.healthy = false;
  set.refresh();
  near(shareOf('a'), 1 / 3);
  assert.equal(set.isPanicking, true);
});

test('hosts without a zone are used when the own zone is too small', () => {
  const set = new HostSet({ timers: new FakeTimers(), random: seededRandom(1) });
  set.setPolicy(PREFER, 'a');
  set.update(endpointsOf(3));
  assert.equal(new Set(Array.from({ length: 30 }, () => set.pick(0, 0, []))).size, 3);
});

test('with hashing a key stays in its zone or out of it, whatever the load', () => {
  const { set, pick, inZone, shareOf } = zoned({ a: 2, b: 9, c: 9 }, { ...PREFER, algorithm: 'Maglev' });
  near(shareOf('a'), 0.42);
  const before = Array.from({ length: 200 }, (_, key) => pick(hashOf(key)));
  for (const host of inZone('a')) for (let n = 0; n < 100; n += 1) set.started(host);
  assert.deepEqual(
    Array.from({ length: 200 }, (_, key) => pick(hashOf(key))),
    before,
  );
});

test('with hashing the keys of a zone reach all of its hosts', () => {
  const { set, pick } = zoned({ a: 2, b: 9, c: 9 }, { ...PREFER, algorithm: 'RingHash' });
  const reached = new Set(Array.from({ length: 5_000 }, (_, key) => pick(hashOf(key))));
  assert.deepEqual(reached, new Set(set.hosts));
});

test('the share kept is bounded by all and by an even spread', () => {
  assert.equal(capacityShare(0.9, 3), 1);
  assert.equal(capacityShare(0.25, 2), 0.7);
  assert.equal(capacityShare(0, 2), 0);
  assert.equal(loadedShare(1, 0.25, 8, 4), 1);
  assert.equal(loadedShare(1, 0.25, 16, 4), 0.5);
  assert.equal(loadedShare(1, 0.25, 1_000_000, 4), 0.25);
});

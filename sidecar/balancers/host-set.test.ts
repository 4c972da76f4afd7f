import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Endpoint } from '../../api/destination.ts';
import type { LoadBalancing } from '../../api/destination-traffic.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { Host } from './host.ts';
import { HostSet } from './host-set.ts';
import { endpointsOf, hashOf } from './hosts.fixture.ts';
import { seededRandom } from './seeded-random.fixture.ts';

function setOf(endpoints: readonly Endpoint[], policy?: LoadBalancing) {
  const timers = new FakeTimers();
  const removed: string[] = [];
  const onRemoved = (host: Host) => void removed.push(host.name);
  const set = new HostSet({ timers, random: seededRandom(1), onRemoved });
  set.setPolicy(policy, undefined);
  set.update(endpoints);
  const pick = (hash = 0, avoid: readonly Host[] = []) => set.pick(timers.nowMs(), hash, avoid);
  const picks = (count: number) => Array.from({ length: count }, (_, index) => pick(hashOf(index)));
  return { set, timers, removed, pick, picks };
}

test('a new set, and one whose list is empty, picks nothing', () => {
  const set = new HostSet({ timers: new FakeTimers(), random: Math.random });
  assert.equal(set.pick(0, 0, []), undefined);
  set.update([]);
  assert.equal(set.pick(0, 0, []), undefined);
  assert.deepEqual(set.hosts, []);
});

test('what was learned of an endpoint stays while it is listed, whatever its weight and zone become', () => {
  const { set, pick } = setOf(endpointsOf(2));
  const host = set.hosts[0]!;
  host.latencyMs = 12;
  set.started(host);
  set.update(endpointsOf(2, { weight: 7, zone: 'b' }).reverse());
  assert.equal(set.hosts[1], host);
  assert.deepEqual([host.weight, host.endpoint.zone, host.active, host.latencyMs], [7, 'b', 1, 12]);
  assert.ok(set.hosts.includes(pick()!));
});

test('another identity at the same address is another host', () => {
  const { set, removed } = setOf(endpointsOf(1, { spiffeId: 'spiffe://mesh/ns/a/sa/one' }));
  const before = set.hosts[0]!;
  set.update(endpointsOf(1, { spiffeId: 'spiffe://mesh/ns/a/sa/two' }));
  assert.notEqual(set.hosts[0], before);
  assert.deepEqual(removed, [before.name]);
});

test('an endpoint listed twice counts once', () => {
  const { set } = setOf([...endpointsOf(2), ...endpointsOf(2, { weight: 100 })]);
  assert.deepEqual(
    set.hosts.map((host) => [host.name, host.weight]),
    [
      ['10.0.0.0:8080', 1],
      ['10.0.0.1:8080', 1],
    ],
  );
});

test('hosts that go are reported once and their last requests still end well', () => {
  const { set, timers, removed, pick } = setOf(endpointsOf(2));
  const host = pick()!;
  set.started(host);
  set.update([]);
  assert.deepEqual(removed, ['10.0.0.0:8080', '10.0.0.1:8080']);
  set.finished(host, timers.nowMs(), 5);
  assert.equal(host.active, 0);
  assert.equal(pick(), undefined);
});

test('after any updates and verdicts only listed hosts that are not avoided are picked, and one is if it can be', () => {
  const anyEndpoints = fc.subarray(endpointsOf(6));
  const indices = fc.uniqueArray(fc.nat(5));
  const algorithm = fc.constantFrom<LoadBalancing['algorithm']>(
    'PeakEWMA',
    'LeastRequest',
    'RoundRobin',
    'Random',
    'RingHash',
    'Maglev',
  );
  const step = fc.record({
    endpoints: anyEndpoints,
    ejected: indices,
    avoided: indices,
    algorithm,
    hash: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
      const { set, pick } = setOf([]);
      for (const { endpoints, ejected, avoided, algorithm, hash } of steps) {
        set.setPolicy(algorithm ? { algorithm, panicPercent: 0 } : undefined, 'a');
        set.update(endpoints);
        for (const [index, host] of set.hosts.entries())
          host.ejectedUntilMs = ejected.includes(index) ? 9e9 : 0;
        set.refresh();
        const avoid = set.hosts.filter((_, index) => avoided.includes(index));
        const allowed = set.hosts.filter((host) => !host.isEjected && !avoid.includes(host));
        const picked = pick(hash, avoid);
        if (allowed.length === 0) assert.equal(picked, undefined);
        else assert.ok(picked !== undefined && allowed.includes(picked));
      }
    }),
  );
});

test('an unhealthy or ejected host gets nothing until it is refreshed as well again', () => {
  const { set, picks } = setOf(endpointsOf(4));
  const [sick, ejected] = set.hosts;
  sick!.healthy = false;
  ejected!.ejectedUntilMs = 60_000;
  set.refresh();
  assert.ok(picks(200).every((host) => host !== sick && host !== ejected));
  sick!.healthy = true;
  ejected!.ejectedUntilMs = 0;
  set.refresh();
  assert.equal(new Set(picks(200)).size, 4);
});

test('with many hosts changed verdicts are taken in at intervals, changed lists at once', () => {
  const { set, timers, pick, picks } = setOf(endpointsOf(1_000), {
    algorithm: 'RoundRobin',
    panicPercent: 0,
  });
  pick();
  for (const host of set.hosts) {
    host.healthy = host === set.hosts[5];
    set.refresh();
  }
  assert.notEqual(new Set(picks(10)).size, 1);
  timers.advance(50);
  assert.deepEqual(new Set(picks(10)), new Set([set.hosts[5]]));
  set.update(endpointsOf(1_000).slice(0, 5));
  assert.equal(pick(), undefined);
});

test('when fewer hosts are usable than the panic threshold all are used, and the picks counted', () => {
  const { set, picks } = setOf(endpointsOf(10));
  const eject = (count: number) => {
    for (const [index, host] of set.hosts.entries()) host.healthy = index >= count;
    set.refresh();
  };
  eject(5);
  assert.equal(new Set(picks(500)).size, 5);
  assert.deepEqual([set.isPanicking, set.panicPicks], [false, 0]);
  eject(6);
  assert.equal(new Set(picks(500)).size, 10);
  assert.deepEqual([set.isPanicking, set.panicPicks], [true, 500]);
  eject(1);
  assert.equal(new Set(picks(500)).size, 9);
  assert.deepEqual([set.isPanicking, set.panicPicks], [false, 500]);
});

test('the panic threshold follows the policy, and 0 turns it off', () => {
  const { set, pick } = setOf(endpointsOf(10), { panicPercent: 0 });
  for (const host of set.hosts) host.healthy = false;
  set.refresh();
  assert.equal(pick(), undefined);
  set.setPolicy({ panicPercent: 10 }, undefined);
  assert.ok(pick());
  set.hosts[3]!.healthy = true;
  set.refresh();
  assert.equal(pick(), set.hosts[3]);
});

test('another algorithm takes over with what is known of the hosts', () => {
  const { set, timers, pick } = setOf(endpointsOf(2), { algorithm: 'RoundRobin' });
  for (const [index, host] of set.hosts.entries()) {
    set.started(host);
    set.finished(host, timers.nowMs(), index === 0 ? 500 : 5);
  }
  set.setPolicy(undefined, undefined);
  assert.equal(set.algorithm, 'PeakEWMA');
  for (let index = 0; index < 20; index += 1) assert.equal(pick(), set.hosts[1]);
});

test('the same hash finds the same host across verdicts about others', () => {
  const { set, pick } = setOf(endpointsOf(10), { algorithm: 'Maglev' });
  const host = pick(hashOf(1))!;
  const other = set.hosts.find((candidate) => candidate !== host)!;
  const key = Array.from({ length: 50 }, (_, index) => index).filter((index) => pick(hashOf(index)) === host);
  other.healthy = false;
  set.refresh();
  const kept = key.filter((index) => pick(hashOf(index)) === host);
  assert.ok(kept.length >= key.length - 1);
});

test('weights of endpoints are respected and change with an update', () => {
  const [first, second] = endpointsOf(2);
  const { set, picks } = setOf([{ ...first!, weight: 3 }, second!], { algorithm: 'RoundRobin' });
  assert.equal(picks(400).filter((host) => host === set.hosts[0]).length, 300);
  set.update([first!, { ...second!, weight: 4 }]);
  assert.equal(picks(500).filter((host) => host === set.hosts[0]).length, 100);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Host } from './host.ts';
import { equalWeights, hostsOf } from './hosts.fixture.ts';
import { RoundRobin } from './round-robin.ts';
import { seededRandom } from './seeded-random.fixture.ts';

const picks = (balancer: RoundRobin, count: number) =>
  Array.from({ length: count }, () => balancer.pick(0, 0, []) as Host);

test('equal hosts are picked once each before any is picked again', () => {
  const hosts = hostsOf(7);
  const balancer = new RoundRobin(seededRandom(1));
  balancer.update(hosts, equalWeights(hosts));
  for (let round = 0; round < 50; round += 1) assert.equal(new Set(picks(balancer, 7)).size, 7);
});

test('over any stretch no host is more than one pick per other host from its due', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(weights, fc.integer(), fc.integer({ min: 1, max: 300 }), (list, seed, count) => {
      const hosts = hostsOf(list.length);
      const balancer = new RoundRobin(seededRandom(seed));
      balancer.update(hosts, Float64Array.from(list));
      const picked = picks(balancer, count);
      const sum = list.reduce((a, b) => a + b);
      for (const [index, weight] of list.entries()) {
        const due = (weight / sum) * count;
        const got = picked.filter((host) => host === hosts[index]).length;
        assert.ok(Math.abs(got - due) <= list.length, `${got} instead of ${due}`);
      }
    }),
  );
});

test('a heavy host is not picked in bursts', () => {
  const hosts = hostsOf(3);
  const balancer = new RoundRobin(seededRandom(3));
  balancer.update(hosts, Float64Array.of(2, 1, 1));
  const heavy = picks(balancer, 100).map((host) => host === hosts[0]);
  assert.equal(heavy.filter(Boolean).length, 50);
  for (let at = 3; at < heavy.length; at += 1) {
    assert.notDeepEqual(heavy.slice(at - 3, at), [true, true, true]);
  }
});

test('hosts that stay keep their place in the round when others come and go', () => {
  const hosts = hostsOf(4);
  const balancer = new RoundRobin(seededRandom(5));
  balancer.update(hosts.slice(0, 3), equalWeights(hosts.slice(0, 3)));
  const before = picks(balancer, 2);
  balancer.update(hosts.slice(0, 3), equalWeights(hosts.slice(0, 3)));
  assert.equal(new Set([...before, ...picks(balancer, 1)]).size, 3);
});

test('an update at every pick does not change the shares', () => {
  const hosts = hostsOf(2);
  const balancer = new RoundRobin(seededRandom(5));
  let heavy = 0;
  for (let pick = 0; pick < 400; pick += 1) {
    balancer.update(hosts, Float64Array.of(3, 1));
    if (balancer.pick(0, 0, []) === hosts[0]) heavy += 1;
  }
  assert.ok(Math.abs(heavy - 300) <= 2, `${heavy} of 400`);
});

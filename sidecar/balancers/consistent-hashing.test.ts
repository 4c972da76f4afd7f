import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Balancer } from './balancer.ts';
import { mix32 } from './hash.ts';
import type { Host } from './host.ts';
import { seedsOf } from './host-seeds.ts';
import { equalWeights, hashOf, hostsOf } from './hosts.fixture.ts';
import { Maglev } from './maglev.ts';
import { RingHash } from './ring-hash.ts';
import { seededRandom } from './seeded-random.fixture.ts';

const KEYS = 20_000;

const owners = (balancer: Balancer, hosts: readonly Host[], weights = equalWeights(hosts)) => {
  balancer.update(hosts, weights);
  return Array.from({ length: KEYS }, (_, key) => balancer.pick(0, hashOf(key), [])!.name);
};
const moved = (before: readonly string[], after: readonly string[]) =>
  before.filter((name, key) => name !== after[key]).length / KEYS;

for (const [name, create] of [
  ['RingHash', () => new RingHash()],
  ['Maglev', () => new Maglev()],
] as const) {
  test(`${name}: the same hash finds the same host, in any process and any order of the list`, () => {
    for (const count of [3, 100, 3_000]) {
      const random = seededRandom(count);
      const listed = hostsOf(count);
      const shuffled = hostsOf(count)
        .map((host) => ({ host, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ host }) => host);
      assert.deepEqual(owners(create(), shuffled), owners(create(), listed));
    }
  });

  test(`${name}: a host that goes takes its keys with it and few others`, (t: TestContext) => {
    for (const count of [3, 10, 100, 1_000]) {
      const hosts = hostsOf(count);
      const gone = hosts[count >> 1]!;
      const before = owners(create(), hosts);
      const rest = hosts.filter((host) => host !== gone);
      const after = owners(create(), rest);
      const part = moved(before, after);
      const lost = before.filter((owner) => owner === gone.name).length / KEYS;
      t.diagnostic(`${count} hosts: ${percent(part)} of keys move, ${percent(lost)} were its own`);
      assert.ok(part >= lost);
      assert.ok(part <= lost + (name === 'RingHash' ? 0 : 0.03), percent(part));
    }
  });

  test(`${name}: a host that comes back gets the keys it had`, () => {
    const hosts = hostsOf(10);
    const balancer = create();
    const before = owners(balancer, hosts);
    owners(balancer, hosts.slice(1));
    assert.deepEqual(owners(balancer, hosts), before);
  });

  test(`${name}: a weight that grows brings keys in and moves few others`, () => {
    const hosts = hostsOf(10);
    const light = owners(create(), hosts, weightsWith(0.1));
    const heavy = owners(create(), hosts, weightsWith(1));
    const gained =
      heavy.filter((owner, key) => owner === hosts[0]!.name && light[key] !== owner).length / KEYS;
    assert.ok(gained > 0.05, percent(gained));
    assert.ok(moved(light, heavy) - gained < 0.15, percent(moved(light, heavy) - gained));
  });

  test(`${name}: keys of an avoided host go to the same other host each time, and are spread over all`, () => {
    const hosts = hostsOf(10);
    const balancer = create();
    balancer.update(hosts, equalWeights(hosts));
    const others = new Set<Host>();
    for (let key = 0; key < 2_000; key += 1) {
      const first = balancer.pick(0, hashOf(key), [])!;
      const second = balancer.pick(0, hashOf(key), [first])!;
      assert.notEqual(second, first);
      assert.equal(balancer.pick(0, hashOf(key), [first]), second);
      others.add(second);
    }
    assert.equal(others.size, 10);
  });

  test(`${name}: extreme weights neither starve the light hosts nor fill the memory`, () => {
    const hosts = hostsOf(1_000);
    const weights = Float64Array.from(hosts, (_, index) => (index === 0 ? 1_000_000 : 1));
    const balancer = create();
    balancer.update(hosts, weights);
    assert.equal(balancer.pick(0, 5, hosts.slice(0, 999)), hosts[999]);
    const heavy = owners(balancer, hosts, weights).filter((owner) => owner === hosts[0]!.name).length;
    assert.ok(heavy > KEYS * 0.95);
  });

  test(`${name}: many hosts all get keys and none gets many`, () => {
    const hosts = hostsOf(10_000);
    const balancer = create();
    balancer.update(hosts, equalWeights(hosts));
    const counts = new Map<Host, number>();
    for (let key = 0; key < 200_000; key += 1) {
      const host = balancer.pick(0, hashOf(key), [])!;
      counts.set(host, (counts.get(host) ?? 0) + 1);
    }
    assert.ok(counts.size > 9_950, `${counts.size} hosts used`);
    assert.ok(Math.max(...counts.values()) < 100, 'the most loaded host gets less than five times its share');
  });
}

test('RingHash: of two hosts with a point in common the same one owns it in any order of the list', () => {
  const hosts = hostsOf(1_000);
  const { first, second } = seedsOf(hosts);
  const points = hosts.flatMap((_, index) => {
    return Array.from({ length: 128 }, (_, n) => mix32((first[index]! + n * (second[index]! | 1)) | 0));
  });
  const seen = new Set<number>();
  const common = points.filter((point) => seen.size === seen.add(point).size);
  assert.ok(common.length > 0);
  const [one, other] = [new RingHash(), new RingHash()];
  one.update(hosts, equalWeights(hosts));
  other.update(hosts.toReversed(), equalWeights(hosts));
  for (const point of common) assert.equal(one.pick(0, point, []), other.pick(0, point, []));
});

test('Maglev: shares of few hosts differ by a few percent at most', () => {
  const hosts = hostsOf(10);
  const shares = new Map<string, number>();
  for (const owner of owners(new Maglev(), hosts)) shares.set(owner, (shares.get(owner) ?? 0) + 1 / KEYS);
  for (const share of shares.values()) assert.ok(Math.abs(share - 0.1) < 0.01, percent(share));
});

test('Maglev: more hosts than places in the table is no endless loop', () => {
  const hosts = hostsOf(66_000);
  const balancer = new Maglev();
  balancer.update(hosts, equalWeights(hosts));
  assert.ok(hosts.includes(balancer.pick(0, 1, [])!));
});

function weightsWith(first: number): Float64Array {
  return Float64Array.from({ length: 10 }, (_, index) => (index === 0 ? first : 1));
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { equalWeights, hashOf, hostsOf, sharesOf } from './hosts.fixture.ts';
import { seededRandom } from './seeded-random.fixture.ts';

export interface Expectation {
  /** how far a host's share may be from its weight's, as a part of that */
  readonly tolerance: number;
}

/** What every balancer must do, whatever its algorithm. `create` gets a source of randomness in [0, 1). */
export function balancerSuite(
  name: string,
  create: (random: () => number) => Balancer,
  { tolerance }: Expectation,
): void {
  const hosts = hostsOf(8);
  const made = (listed: readonly Host[], random = seededRandom(1)) => {
    const balancer = create(random);
    balancer.update(listed, equalWeights(listed));
    return balancer;
  };
  const someHosts = fc.uniqueArray(fc.integer({ min: 0, max: 7 })).map((ids) => ids.map((id) => hosts[id]!));
  const someHash = fc.integer({ min: 0, max: 0xffff_ffff });

  test(`${name}: without hosts nothing is picked`, () => {
    assert.equal(create(() => 0).pick(0, 0, []), undefined);
    assert.equal(made([]).pick(0, 0xffff_ffff, []), undefined);
    assert.equal(made([]).pick(0, 0, hosts), undefined);
  });

  test(`${name}: every host is used`, () => {
    assert.deepEqual(new Set(sharesOf(made(hosts), 2_000).keys()), new Set(hosts));
  });

  test(`${name}: only hosts of the last update that are not avoided are picked, and one is if there is one`, () => {
    fc.assert(
      fc.property(someHosts, someHosts, someHosts, someHash, (before, after, avoid, hash) => {
        const balancer = made(before);
        balancer.pick(0, hash, []);
        balancer.update(after, equalWeights(after));
        const allowed = after.filter((host) => !avoid.includes(host));
        const picked = balancer.pick(0, hash, avoid);
        if (allowed.length === 0) assert.equal(picked, undefined);
        else assert.ok(picked !== undefined && allowed.includes(picked));
      }),
    );
  });

  test(`${name}: the one host left is found however light it is and whatever chance says`, () => {
    const weights = Float64Array.from(hosts, (_, index) => (index === 3 ? 1 : 1_000_000));
    const avoid = hosts.filter((_, index) => index !== 3);
    for (const drawn of [0, 0.5, 1 - Number.EPSILON / 2]) {
      const balancer = create(() => drawn);
      balancer.update(hosts, weights);
      for (const hash of [0, 1, 0x8000_0000, 0xffff_ffff]) {
        assert.equal(balancer.pick(0, hash, avoid), hosts[3]);
      }
    }
  });

  test(`${name}: an update takes effect with the next pick`, () => {
    const balancer = made([hosts[0]!]);
    assert.equal(balancer.pick(0, 7, []), hosts[0]);
    balancer.update([hosts[1]!], equalWeights([hosts[1]!]));
    assert.equal(balancer.pick(0, 7, []), hosts[1]);
    balancer.update([], new Float64Array(0));
    assert.equal(balancer.pick(0, 7, []), undefined);
  });

  test(`${name}: equal hosts get equal shares`, () => {
    for (const share of sharesOf(made(hosts), 20_000).values()) within(share, 1 / hosts.length, tolerance);
  });

  test(`${name}: shares follow weights`, () => {
    const anyWeights = fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(anyWeights, fc.integer(), (weights, seed) => {
        const listed = hosts.slice(0, weights.length);
        const balancer = create(seededRandom(seed));
        balancer.update(listed, Float64Array.from(weights));
        const shares = sharesOf(balancer, 20_000);
        const sum = weights.reduce((a, b) => a + b);
        // small shares are few points of a ring and few draws: what counts there is the distance, not the ratio
        for (const [index, weight] of weights.entries()) {
          const share = shares.get(listed[index]!) ?? 0;
          within(share, weight / sum, tolerance, tolerance / 10);
        }
      }),
      { numRuns: 20 },
    );
  });

  test(`${name}: what is known of hosts is not touched`, () => {
    const known = hostsOf(2);
    known[0]!.latencyMs = 12;
    known[0]!.active = 3;
    const balancer = made(known);
    for (let index = 0; index < 20; index += 1) balancer.pick(0, hashOf(index), []);
    balancer.update(known, equalWeights(known));
    assert.deepEqual([known[0]!.latencyMs, known[0]!.active, known[1]!.active], [12, 3, 0]);
  });

  test(`${name}: chance is the only difference between two of a kind`, () => {
    const [one, other] = [made(hosts, seededRandom(9)), made(hosts, seededRandom(9))];
    for (let index = 0; index < 100; index += 1) {
      assert.equal(one.pick(index, hashOf(index), []), other.pick(index, hashOf(index), []));
    }
  });
}

function within(share: number, expected: number, tolerance: number, slack = 0): void {
  const message = `share ${share.toFixed(4)} instead of ${expected.toFixed(4)}`;
  assert.ok(Math.abs(share - expected) <= Math.max(slack, expected * tolerance), message);
}

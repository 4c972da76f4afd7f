import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Balancer } from './balancer.ts';

/** What every balancer must do, whatever its algorithm. `create` gets a source of randomness in [0, 1). */
export function balancerSuite(name: string, create: (random: () => number) => Balancer<string>): void {
  const made = (endpoints: readonly string[]) => {
    const balancer = create(() => 0.25);
    balancer.update(endpoints);
    return balancer;
  };

  test(`${name}: without endpoints nothing is picked`, () => {
    assert.equal(create(() => 0).pick(), undefined);
    assert.equal(made([]).pick(), undefined);
  });

  test(`${name}: every endpoint is used`, () => {
    const balancer = made(['a', 'b', 'c']);
    const seen = new Set(Array.from({ length: 300 }, () => balancer.pick()));
    assert.deepEqual([...seen].sort(), ['a', 'b', 'c']);
  });

  test(`${name}: only endpoints of the last update that are not avoided are picked, and one is if there is one`, () => {
    const endpoints = fc.uniqueArray(fc.constantFrom<string>('a', 'b', 'c', 'd', 'e', 'f'));
    fc.assert(
      fc.property(endpoints, endpoints, endpoints, (before, after, avoided) => {
        const balancer = made(before);
        balancer.pick();
        balancer.update(after);
        const allowed = after.filter((endpoint) => !avoided.includes(endpoint));
        const picked = balancer.pick(new Set(avoided));
        if (allowed.length === 0) assert.equal(picked, undefined);
        else assert.ok(picked !== undefined && allowed.includes(picked));
      }),
    );
  });

  test(`${name}: an update during use takes effect with the next pick`, () => {
    const balancer = made(['a']);
    assert.equal(balancer.pick(), 'a');
    balancer.update(['b']);
    assert.equal(balancer.pick(), 'b');
  });
}

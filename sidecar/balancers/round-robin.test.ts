import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancerSuite } from './balancer.suite.ts';
import { RoundRobin } from './round-robin.ts';

balancerSuite('round robin', (random) => new RoundRobin(random));

test('round robin: a whole round uses each endpoint once', () => {
  const balancer = new RoundRobin<string>(() => 0);
  balancer.update(['a', 'b', 'c']);
  assert.deepEqual(
    [balancer.pick(), balancer.pick(), balancer.pick(), balancer.pick()],
    ['a', 'b', 'c', 'a'],
  );
});

test('round robin: where it starts depends on the randomness given', () => {
  const first = (random: number) => {
    const balancer = new RoundRobin<string>(() => random);
    balancer.update(['a', 'b', 'c', 'd']);
    return balancer.pick();
  };
  assert.ok(new Set([0, 0.00002, 0.00004].map(first)).size > 1);
});

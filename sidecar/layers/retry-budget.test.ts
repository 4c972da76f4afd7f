import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RetryBudget } from './retry-budget.ts';

function spend(budget: RetryBudget, nowMs: number, tries: number): number {
  let granted = 0;
  for (let i = 0; i < tries; i++) if (budget.tryRetry(nowMs)) granted += 1;
  return granted;
}

test('without a policy a fifth of the requests may be repeated, and ten a second besides', () => {
  const budget = new RetryBudget(undefined);
  assert.equal(spend(budget, 0, 1_000), 100);
  for (let i = 0; i < 1_000; i++) budget.onRequest(0);
  assert.equal(spend(budget, 0, 1_000), 200);
  assert.equal(budget.refused, 900 + 800);
});

test('a budget of nothing allows nothing', () => {
  const budget = new RetryBudget({ percent: 0, minPerSecond: 0 });
  for (let i = 0; i < 1_000; i++) budget.onRequest(i);
  assert.equal(spend(budget, 1_000, 10), 0);
});

test('what met a closed connection may be repeated once a second whatever the policy, and counts like a retry', () => {
  const budget = new RetryBudget({ percent: 0, minPerSecond: 0 });
  for (let i = 0; i < 10; i++) {
    assert.equal(budget.mayRepeat, true);
    assert.equal(budget.tryRepeat(0), true);
  }
  assert.equal(budget.mayRepeat, false);
  assert.equal(budget.tryRepeat(0), false);
  budget.onRequest(10_000);
  assert.equal(budget.mayRepeat, true);
  budget.update({ percent: 0, minPerSecond: 2 });
  for (let i = 0; i < 20; i++) assert.equal(budget.tryRepeat(10_000), true);
  assert.equal(budget.tryRetry(10_000), false);
});

test('a retry needs its whole share', () => {
  const budget = new RetryBudget({ percent: 20, minPerSecond: 0 });
  for (let i = 0; i < 4; i++) budget.onRequest(0);
  assert.equal(budget.tryRetry(0), false);
  budget.onRequest(0);
  assert.equal(budget.tryRetry(0), true);
  assert.equal(budget.tryRetry(0), false);
});

test('requests older than ten seconds allow nothing any more, and what was spent then comes back', () => {
  const budget = new RetryBudget({ percent: 100, minPerSecond: 0 });
  for (let i = 0; i < 10; i++) budget.onRequest(500);
  assert.equal(spend(budget, 9_999, 4), 4);
  assert.equal(spend(budget, 10_000, 10), 0);
  budget.onRequest(19_999);
  assert.equal(spend(budget, 19_999, 10), 1);
});

test('another policy holds at once and forgets nothing', () => {
  const budget = new RetryBudget({ percent: 50, minPerSecond: 0 });
  for (let i = 0; i < 100; i++) budget.onRequest(0);
  assert.equal(spend(budget, 0, 30), 30);
  budget.update({ percent: 20, minPerSecond: 0 });
  assert.equal(budget.tryRetry(0), false);
  budget.update({ percent: 31, minPerSecond: 0 });
  assert.equal(spend(budget, 0, 10), 1);
});

const CLOCKS: [name: string, toMs: number][] = [
  ['a little back', 4_998_000],
  ['far back', 0],
  ['before the epoch', -5_000],
  ['a little forward', 5_003_000],
  ['far forward', 1e15],
];
for (const [name, toMs] of CLOCKS) {
  test(`a clock that jumps ${name} leaves a budget that works`, () => {
    const budget = new RetryBudget({ percent: 10, minPerSecond: 1 });
    for (let i = 0; i < 100; i++) budget.onRequest(5_000_000);
    assert.equal(spend(budget, 5_000_000, 100), 20);
    assert.ok(spend(budget, toMs, 1_000) <= 20);
    for (let afterMs = 1_000; afterMs <= 20_000; afterMs += 1_000) budget.onRequest(toMs + afterMs);
    assert.ok(spend(budget, toMs + 20_000, 1_000) >= 10, 'time goes on from there');
  });
}

const schedule = fc.array(
  fc.record({ afterMs: fc.integer({ min: 0, max: 4_000 }), requests: fc.nat(30), retries: fc.nat(30) }),
  { maxLength: 60 },
);

test('no schedule gets a retry beyond the share of its window and the reserve', () => {
  fc.assert(
    fc.property(schedule, fc.nat(100), fc.nat(3), (steps, percent, minPerSecond) => {
      const budget = new RetryBudget({ percent, minPerSecond });
      const requests = new Map<number, number>();
      const retries = new Map<number, number>();
      let nowMs = 0;
      for (const step of steps) {
        nowMs += step.afterMs;
        const second = Math.floor(nowMs / 1000);
        for (let i = 0; i < step.requests; i++) budget.onRequest(nowMs);
        requests.set(second, (requests.get(second) ?? 0) + step.requests);
        for (let i = 0; i < step.retries; i++) {
          if (!budget.tryRetry(nowMs)) continue;
          retries.set(second, (retries.get(second) ?? 0) + 1);
          const allowed = (inWindow(requests, second) * percent) / 100 + minPerSecond * 10;
          assert.ok(inWindow(retries, second) <= allowed + 1e-9);
        }
      }
    }),
  );
});

test('over a whole run retries stay within the share of all requests', () => {
  fc.assert(
    fc.property(schedule, fc.nat(100), (steps, percent) => {
      const budget = new RetryBudget({ percent, minPerSecond: 0 });
      let nowMs = 0;
      let requests = 0;
      let retries = 0;
      for (const step of steps) {
        nowMs += step.afterMs;
        for (let i = 0; i < step.requests; i++) budget.onRequest(nowMs);
        requests += step.requests;
        retries += spend(budget, nowMs, step.retries);
      }
      assert.ok(retries * 100 <= requests * percent, `${retries} of ${requests}`);
    }),
  );
});

function inWindow(counts: Map<number, number>, second: number): number {
  let sum = 0;
  for (let back = 0; back < 10; back++) sum += counts.get(second - back) ?? 0;
  return sum;
}

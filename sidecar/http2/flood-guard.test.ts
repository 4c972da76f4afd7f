import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionError, H2_ERROR } from './error-codes.ts';
import { FloodGuard, NUISANCE } from './flood-guard.ts';

function spendAll(guard: FloodGuard, kind: number): number {
  for (let count = 0; count < 100_000; count += 1) {
    try {
      guard.spend(kind);
    } catch (error) {
      assert.ok(error instanceof ConnectionError && error.code === H2_ERROR.enhanceYourCalm);
      return count;
    }
  }
  return Number.POSITIVE_INFINITY;
}

test('of each nuisance there are so many at once, and so many a second after that', () => {
  for (const [kind, burst, perSecond] of [
    [NUISANCE.reset, 1_000, 100],
    [NUISANCE.ping, 1_000, 100],
    [NUISANCE.settings, 100, 10],
    [NUISANCE.idle, 10_000, 1_000],
  ] as const) {
    let nowMs = 0;
    const guard = new FloodGuard(() => nowMs);
    assert.equal(spendAll(guard, kind), burst);
    nowMs += 1_000;
    assert.equal(spendAll(guard, kind), perSecond);
    nowMs += 3_600_000;
    assert.equal(spendAll(guard, kind), burst);
  }
});

test('useful traffic makes up for nuisances, and not for more than a burst', () => {
  const guard = new FloodGuard(() => 0);
  guard.earn(NUISANCE.reset, 5_000);
  assert.equal(spendAll(guard, NUISANCE.reset), 1_000);
  guard.earn(NUISANCE.reset, 7);
  assert.equal(spendAll(guard, NUISANCE.reset), 7);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Crowding } from './crowding.ts';

test('a machine is crowded when many want each of its processors, at the time or just before', () => {
  const crowding = new Crowding();
  for (let atMs = 0; atMs < 60_000; atMs += 500) {
    crowding.add(atMs, `9.99 5.00 1.00 ${atMs < 20_000 ? 40 : 2}/402 7911\n`, 2);
  }
  assert.equal(crowding.wasCrowded(1_000, 2_000), true);
  assert.equal(crowding.wasCrowded(21_000, 22_000), true);
  assert.equal(crowding.wasCrowded(40_000, 41_000), false);
  assert.equal(crowding.mean(30_000, 40_000), 1);
});

test('nothing is said of a time that was not looked at', () => {
  assert.equal(new Crowding().mean(), 0);
  assert.equal(new Crowding().wasCrowded(0, 1), false);
});

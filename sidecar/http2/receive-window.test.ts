import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldBudget } from '../held-budget.ts';
import type { FrameOutput } from './frames/output.ts';
import { ReceiveWindow } from './receive-window.ts';

const SIZE_BYTES = 100_000;

function windowWith(lending?: HeldBudget) {
  const updates: number[] = [];
  const output = {
    windowUpdate: (streamId: number, bytes: number) => {
      assert.equal(streamId, 0);
      updates.push(bytes);
    },
  };
  return { window: new ReceiveWindow(SIZE_BYTES, output as unknown as FrameOutput, lending), updates };
}

test('what is taken is told of in sixteenths, and more than the window is too much', () => {
  const { window, updates } = windowWith();
  assert.equal(window.take(6_249), true);
  window.giveBack(6_249);
  assert.deepEqual(updates, []);
  assert.equal(window.take(1), true);
  window.giveBack(1);
  assert.deepEqual(updates, [6_250]);
  assert.equal(window.take(SIZE_BYTES), true);
  assert.equal(window.take(1), false);
});

test('what is held is lent again while there is a budget, and repaid when it is taken', () => {
  const budget = new HeldBudget(150_000);
  const { window, updates } = windowWith(budget);
  assert.equal(window.take(80_000), true);
  assert.deepEqual([updates, budget.leftBytes], [[80_000], 70_000]);
  // it would be lent 80,000 more
  assert.equal(window.take(80_000), true);
  assert.deepEqual([updates, budget.leftBytes], [[80_000], 70_000]);
  const other = windowWith(budget);
  other.window.take(80_000);
  assert.deepEqual(other.updates, []);
  window.giveBack(160_000);
  // what is beyond the window was repaid, the rest is told of
  assert.deepEqual([updates, budget.leftBytes], [[80_000, 80_000], 150_000]);
  assert.equal(window.take(SIZE_BYTES + 1), false);
});

test('what could not be lent at first is lent when there is a budget again', () => {
  const budget = new HeldBudget(100_000);
  const { window, updates } = windowWith(budget);
  const other = windowWith(budget);
  other.window.take(80_000);
  window.take(100_000);
  assert.deepEqual([updates, budget.leftBytes], [[], 20_000]);
  other.window.close();
  window.giveBack(5_000);
  assert.deepEqual([updates, budget.leftBytes], [[95_000], 5_000]);
});

test('a connection that is over owes nothing', () => {
  const budget = new HeldBudget(150_000);
  const { window, updates } = windowWith(budget);
  window.take(80_000);
  window.close();
  assert.equal(budget.leftBytes, 150_000);
  window.giveBack(80_000);
  assert.deepEqual([updates, budget.leftBytes], [[80_000], 150_000]);
});

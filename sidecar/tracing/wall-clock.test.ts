import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WallClock } from './wall-clock.ts';

test('what happened gets its time of day, finer than the wall clock tells it', () => {
  let monotonicMs = 10.25;
  const clock = new WallClock(
    () => Math.floor(1_000_000.5 + monotonicMs),
    () => monotonicMs,
    1_000_000.5,
  );
  assert.equal(clock.at(10.25), 1_000_010.75);
  monotonicMs = 25;
  assert.equal(clock.at(20.5), 1_000_021);
});

test('a wall clock that is set is believed', () => {
  let wallMs = 5_000;
  const clock = new WallClock(
    () => wallMs,
    () => 100,
  );
  assert.equal(clock.at(90), 4_990);
  wallMs = 3_600_000;
  assert.equal(clock.at(90), 3_599_990);
});

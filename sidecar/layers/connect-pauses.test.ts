import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectPauseMs, NEVER } from './connect-pauses.ts';

describe('the pause before a connection that nobody took is tried anew', () => {
  it('doubles each time, with jitter', () => {
    const [soonest, latest] = [() => 0, () => 1 - Number.EPSILON];
    assert.deepEqual(
      [0, 1, 2].map((taken) => connectPauseMs(taken, 1, soonest)),
      [50, 100, 200],
    );
    for (const taken of [0, 1, 2]) {
      const most = connectPauseMs(taken, 1, latest);
      assert.ok(most < 100 * 2 ** taken && most > 99 * 2 ** taken, String(most));
    }
  });

  it('is made three times and no more', () => assert.equal(connectPauseMs(3, 1, Math.random), NEVER));

  it('is not made for what has waited long enough', () => {
    assert.notEqual(connectPauseMs(0, 1, Math.random), NEVER);
    assert.equal(connectPauseMs(0, 0, Math.random), NEVER);
  });
});

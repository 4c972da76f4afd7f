import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { Window } from './window.ts';

describe('a window', () => {
  let clock: FakeClock;
  let ranAtMs: number[];
  let window: Window;
  beforeEach(() => {
    clock = new FakeClock();
    ranAtMs = [];
    const startMs = clock.monotonicMs();
    window = new Window(clock, 50, () => ranAtMs.push(clock.monotonicMs() - startMs));
  });

  it('runs at once after a while of quiet', async () => {
    window.ask();
    assert.deepEqual(ranAtMs, [0]);
    await clock.advance(50);
    window.ask();
    assert.deepEqual(ranAtMs, [0, 50]);
  });

  it('runs once a window in a storm, and once after its end', async () => {
    for (let turn = 0; turn < 12; turn++) {
      window.ask();
      await clock.advance(10);
    }
    await clock.advance(1000);
    assert.deepEqual(ranAtMs, [0, 50, 100, 150]);
  });

  it('does not run once it is closed', async () => {
    window.ask();
    window.ask();
    window.close();
    window.ask();
    await clock.advance(1000);
    assert.deepEqual(ranAtMs, [0]);
  });
});

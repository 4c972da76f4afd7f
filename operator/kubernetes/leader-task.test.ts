import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { LeaderTask } from './leader-task.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';
import { silentLog } from './testing/scripted-api.ts';

describe('LeaderTask', () => {
  let clock: FakeClock;
  let isLeader: boolean;
  let listeners: ((isLeader: boolean) => void)[];
  let atMs: number[];
  beforeEach(() => {
    clock = new FakeClock();
    isLeader = true;
    listeners = [];
    atMs = [];
  });
  const lead = (leads: boolean) => {
    isLeader = leads;
    for (const listener of listeners) listener(leads);
  };
  function start(work: () => Promise<void> = async () => {}) {
    const task = new LeaderTask({
      name: 't',
      leadership: {
        get isLeader() {
          return isLeader;
        },
        onChange: (listener) => void listeners.push(listener),
      },
      clock,
      random: () => 1,
      intervalMs: 10_000,
      log: silentLog,
      work: () => {
        atMs.push(clock.monotonicMs());
        return work();
      },
    });
    task.start();
    return task;
  }

  it('works at once and then at its interval', async () => {
    const task = start();
    await clock.advance(25_000);
    assert.deepEqual(atMs, [0, 10_000, 20_000]);
    await task.stop();
    await clock.advance(60_000);
    assert.equal(atMs.length, 3);
  });

  it('works only while it leads, and at once when it begins to', async () => {
    isLeader = false;
    const task = start();
    await clock.advance(25_000);
    lead(true);
    await clock.advance(1_000);
    lead(false);
    await clock.advance(60_000);
    assert.deepEqual(atMs, [25_000]);
    await task.stop();
  });

  it('tries again sooner after a failure, and at its interval after it worked', async () => {
    const task = start(async () => {
      if (atMs.length < 3) throw new Error('not yet');
    });
    await clock.advance(14_000);
    assert.deepEqual(atMs, [0, 1_000, 3_000, 13_000]);
    await task.stop();
  });

  it('is never under way twice, and stops when what is under way has ended', async () => {
    const gate = Promise.withResolvers<void>();
    const task = start(() => gate.promise);
    lead(true);
    lead(true);
    let stopped = false;
    const stopping = task.stop().then(() => {
      stopped = true;
    });
    await settle();
    assert.deepEqual([atMs.length, stopped], [1, false]);
    gate.resolve();
    await stopping;
    assert.equal(clock.pendingTimers, 0);
  });
});

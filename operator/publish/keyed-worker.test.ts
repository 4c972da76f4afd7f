import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock, settle } from '../kubernetes/testing/fake-clock.ts';
import { KeyedWorker } from './keyed-worker.ts';

function worker(work: (key: string) => Promise<void>, concurrency = 2) {
  const clock = new FakeClock();
  const errors: string[] = [];
  const onError = (key: string) => void errors.push(key);
  const made = new KeyedWorker({ clock, random: () => 1, windowMs: 100, concurrency, work, onError });
  return { clock, errors, worker: made };
}

describe('a keyed worker', () => {
  it('does many requests of one window once', async () => {
    const done: string[] = [];
    const { clock, worker: made } = worker(async (key) => void done.push(key));
    for (let count = 0; count < 9; count++) made.add('a');
    made.add('b');
    await clock.advance(99);
    assert.deepEqual(done, []);
    await clock.advance(1);
    assert.deepEqual(done, ['a', 'b']);
    assert.equal(made.size, 0);
  });

  it('works on a key again that was asked for meanwhile, and never twice at a time', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const { clock, worker: made } = worker(() => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    });
    made.add('a');
    await clock.advance(100);
    made.add('a');
    await clock.advance(1000);
    assert.equal(gates.length, 1);
    gates[0]!.resolve();
    await settle();
    await clock.advance(100);
    assert.equal(gates.length, 2);
  });

  it('works on no more keys at a time than it may', async () => {
    const gates: PromiseWithResolvers<void>[] = [];
    const { clock, worker: made } = worker(() => {
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    });
    for (let key = 0; key < 5; key++) made.add(`${key}`);
    await clock.advance(100);
    assert.equal(gates.length, 2);
    gates[0]!.resolve();
    await settle();
    assert.equal(gates.length, 3);
    for (let opened = 1; opened < 5; opened++) {
      gates[opened]!.resolve();
      await settle();
    }
    assert.deepEqual([gates.length, made.size], [5, 0]);
  });

  it('tries again with growing delays, and others do not wait for it', async () => {
    const tried: [string, number][] = [];
    const {
      clock,
      errors,
      worker: made,
    } = worker(async (key) => {
      tried.push([key, clock.monotonicMs()]);
      if (key === 'bad') throw new Error('no');
    });
    made.add('bad');
    made.add('good');
    await clock.advance(4000);
    assert.deepEqual(tried, [
      ['bad', 100],
      ['good', 100],
      ['bad', 600],
      ['bad', 1600],
      ['bad', 3600],
    ]);
    assert.equal(errors.length, 4);
  });

  it('does nothing more once closed', async () => {
    const done: string[] = [];
    const { clock, worker: made } = worker(async (key) => void done.push(key));
    made.add('a');
    made.close();
    made.add('b');
    await clock.advance(1000);
    assert.deepEqual(done, []);
    assert.equal(clock.pendingTimers, 0);
  });
});

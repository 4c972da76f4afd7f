import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import { KeyedQueue } from './queue.ts';
import { FakeClock, settle } from './testing/fake-clock.ts';

const busy = () => new ApiError(429);

describe('KeyedQueue', () => {
  const queueWith = (clock: FakeClock, more: Partial<ConstructorParameters<typeof KeyedQueue>[0]> = {}) =>
    new KeyedQueue({ clock, random: () => 0.999, backoff: { baseMs: 100, maxMs: 1_000 }, ...more });

  it('runs the newest of the jobs that came while one of the same key ran, and only that', async () => {
    const queue = queueWith(new FakeClock());
    const ran: string[] = [];
    const gate = Promise.withResolvers<void>();
    const first = queue.run('k', async () => {
      ran.push('first');
      await gate.promise;
    });
    const replaced = queue.run('k', async () => void ran.push('replaced'));
    const newest = queue.run('k', async () => void ran.push('newest'));
    gate.resolve();
    await Promise.all([first, replaced, newest]);
    assert.deepEqual(ran, ['first', 'newest']);
  });

  it('runs different keys side by side up to its concurrency', async () => {
    const queue = queueWith(new FakeClock(), { concurrency: 2 });
    const gate = Promise.withResolvers<void>();
    let running = 0;
    let most = 0;
    const jobs = ['a', 'b', 'c', 'd'].map((key) =>
      queue.run(key, async () => {
        running += 1;
        most = Math.max(most, running);
        await gate.promise;
        running -= 1;
      }),
    );
    await settle();
    gate.resolve();
    await Promise.all(jobs);
    assert.equal(most, 2);
  });

  it('tries a passing failure again, later and later, while other keys go on', async () => {
    const clock = new FakeClock();
    const queue = queueWith(clock, { concurrency: 1 });
    const atMs: number[] = [];
    const slow = queue.run('slow', async () => {
      atMs.push(clock.monotonicMs());
      if (atMs.length < 4) throw busy();
    });
    await queue.run('other', async () => {});
    await clock.advance(10_000);
    await slow;
    const gaps = atMs.slice(1).map((time, index) => Math.round((time - atMs[index]!) / 100));
    assert.deepEqual(gaps, [1, 2, 4]);
  });

  it('waits as long as the server asks, and then its own backoff', async () => {
    const clock = new FakeClock();
    const queue = queueWith(clock);
    const atMs: number[] = [];
    const asked = queue.run('k', async () => {
      atMs.push(clock.monotonicMs());
      if (atMs.length === 1) throw new ApiError(429, { retryAfterMs: 5_000 });
    });
    await clock.advance(5_200);
    await asked;
    assert.equal(Math.round((atMs[1] ?? 0) / 100), 51);
  });

  it('gives up after its attempts and reports the last error', async () => {
    const clock = new FakeClock();
    const queue = queueWith(clock, { maxAttempts: 3 });
    let attempts = 0;
    const failing = queue.run('k', async () => {
      attempts += 1;
      throw busy();
    });
    const outcome = assert.rejects(failing, { status: 429 });
    await clock.advance(60_000);
    await outcome;
    assert.equal(attempts, 3);
  });

  it('reports at once what will not pass', async () => {
    const queue = queueWith(new FakeClock());
    const refused = queue.run('k', async () => {
      throw new ApiError(422, { reason: 'Invalid' });
    });
    await assert.rejects(refused, { status: 422 });
  });

  it('lets a newer job take the place of one that waits to be tried again', async () => {
    const clock = new FakeClock();
    const queue = queueWith(clock);
    const ran: string[] = [];
    const old = queue.run('k', async () => {
      ran.push('old');
      throw busy();
    });
    await settle();
    const newer = queue.run('k', async () => void ran.push('newer'));
    await clock.advance(5_000);
    await Promise.all([old, newer]);
    assert.deepEqual(ran, ['old', 'newer']);
  });

  it('rejects what waits when it is abandoned, and nothing of it runs later', async () => {
    const clock = new FakeClock();
    const queue = queueWith(clock, { concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    let later = 0;
    const addLater = async () => {
      later += 1;
    };
    const running = queue.run('running', () => gate.promise);
    const next = queue.run('running', addLater);
    const waiting = queue.run('waiting', addLater);
    const outcomes = Promise.all([assert.rejects(next, /lost/), assert.rejects(waiting, /lost/)]);
    queue.abandon(new Error('lost'));
    await outcomes;
    gate.resolve();
    await running;
    await clock.advance(60_000);
    assert.equal(later, 0);
    await queue.run('again', addLater);
    assert.equal(later, 1);
  });

  it('does not try again what failed after it was abandoned', async () => {
    const clock = new FakeClock();
    const queue = queueWith(clock);
    const gate = Promise.withResolvers<void>();
    const running = queue.run('k', () => gate.promise);
    queue.abandon(new Error('lost'));
    gate.reject(busy());
    await assert.rejects(running, { status: 429 });
    assert.equal(clock.pendingTimers, 0);
  });

  it('refuses more keys than it may hold', async () => {
    const queue = queueWith(new FakeClock(), { capacity: 1 });
    const gate = Promise.withResolvers<void>();
    const first = queue.run('a', () => gate.promise);
    await assert.rejects(
      queue.run('b', async () => {}),
      /full/,
    );
    gate.resolve();
    await first;
  });

  it('is drained when nothing runs', async () => {
    const queue = queueWith(new FakeClock());
    await queue.drain();
    const gate = Promise.withResolvers<void>();
    const job = queue.run('a', () => gate.promise);
    let drained = false;
    const waiting = queue.drain().then(() => {
      drained = true;
    });
    await settle();
    assert.equal(drained, false);
    gate.resolve();
    await Promise.all([job, waiting]);
  });

  it('ends with the newest value of every key written, whatever fails on the way', async () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      fails: fc.boolean(),
      pauseMs: fc.nat(300),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const clock = new FakeClock();
        const queue = queueWith(clock, { concurrency: 2 });
        const written = new Map<string, number>();
        const wanted = new Map<string, number>();
        const runs: Promise<void>[] = [];
        for (const [value, { key, fails, pauseMs }] of steps.entries()) {
          wanted.set(key, value);
          let attempts = 0;
          const job = async () => {
            await settle();
            attempts += 1;
            if (fails && attempts === 1) throw busy();
            assert.ok((written.get(key) ?? -1) <= value, 'an older value after a newer one');
            written.set(key, value);
          };
          runs.push(queue.run(key, job));
          await clock.advance(pauseMs);
        }
        let done = false;
        const all = Promise.all(runs).finally(() => {
          done = true;
        });
        while (!done) await clock.advance(100);
        await all;
        assert.deepEqual(written, wanted);
      }),
      { numRuns: 30 },
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BUDGET_MS, type Steps, TURN_MS, Turns } from './turns.ts';

/** Steps of some duration each, until they are told to end. */
class Work {
  nowMs = 0;
  readonly turns: number[] = [];
  #inTurn = 0;

  readonly turnsOf = new Turns({
    nowMs: () => this.nowMs,
    pause: async () => {
      this.turns.push(this.#inTurn);
      this.#inTurn = 0;
      // others use the time
      this.nowMs += 1_000;
    },
  });

  *steps(count: number, stepMs: number): Steps<string> {
    for (let done = 0; done < count; done += 1) {
      const isOver: boolean = yield;
      if (isOver) return `over after ${done}`;
      this.#inTurn += 1;
      this.nowMs += stepMs;
    }
    return 'done';
  }
}

test('short steps share a turn until it has taken its time', async () => {
  const work = new Work();
  assert.equal(await work.turnsOf.run(work.steps(10, TURN_MS / 4)), 'done');
  assert.deepEqual(work.turns, [4, 4]);
});

test('after a step longer than a turn others come first', async () => {
  const work = new Work();
  assert.equal(await work.turnsOf.run(work.steps(4, 40)), 'done');
  assert.deepEqual(work.turns, [1, 1, 1]);
});

test('when the time of all turns is over the steps are told so; what others used does not count', async () => {
  const work = new Work();
  const stepMs = 100;
  assert.equal(await work.turnsOf.run(work.steps(1_000, stepMs)), `over after ${BUDGET_MS / stepMs}`);
});

test('the time is one for all work that is done', async () => {
  const work = new Work();
  await work.turnsOf.run(work.steps(BUDGET_MS / 100 - 1, 100));
  assert.equal(await work.turnsOf.run(work.steps(100, 100)), 'over after 1');
});

test('what goes wrong in a step is the answer', async () => {
  const work = new Work();
  const steps = (function* (): Steps<never> {
    yield;
    throw new Error('broken');
  })();
  await assert.rejects(work.turnsOf.run(steps), /broken/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dirty, enter, leave } from './flush.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Something to be flushed that notes when it was; `then` is done within. */
function flushable(name: string, log: string[], then = () => {}) {
  return {
    flush: () => {
      log.push(name);
      then();
    },
  };
}

test('what is dirty leaves with the end of the call, once each and in order', () => {
  const log: string[] = [];
  enter();
  dirty(flushable('a', log));
  dirty(flushable('b', log));
  assert.deepEqual(log, []);
  leave();
  assert.deepEqual(log, ['a', 'b']);
});

test('a call within a call flushes what waits before it begins, and its own with its end', () => {
  const log: string[] = [];
  enter();
  dirty(flushable('outer', log));
  enter();
  assert.deepEqual(log, ['outer']);
  dirty(flushable('inner', log));
  leave();
  assert.deepEqual(log, ['outer', 'inner']);
  dirty(flushable('after', log));
  leave();
  assert.deepEqual(log, ['outer', 'inner', 'after']);
});

test('what is made dirty by a flush is flushed with it', () => {
  const log: string[] = [];
  enter();
  dirty(flushable('a', log, () => dirty(flushable('by a', log))));
  dirty(flushable('b', log));
  leave();
  assert.deepEqual(log, ['a', 'b', 'by a']);
});

test('a flush that is itself a call into the data path loses nothing and flushes nothing for ever', () => {
  const log: string[] = [];
  let calls = 0;
  const reentrant = {
    flush: () => {
      log.push('a');
      if (++calls > 1) return;
      enter();
      dirty(flushable('nested', log));
      leave();
    },
  };
  enter();
  dirty(reentrant);
  dirty(flushable('b', log));
  leave();
  assert.deepEqual(new Set(log), new Set(['a', 'nested', 'b']));
  const before = log.length;
  enter();
  leave();
  assert.equal(log.length, before);
});

test('what is dirty outside of any call leaves before the turn ends', async () => {
  const log: string[] = [];
  dirty(flushable('a', log));
  dirty(flushable('b', log));
  assert.deepEqual(log, []);
  await turn();
  assert.deepEqual(log, ['a', 'b']);
});

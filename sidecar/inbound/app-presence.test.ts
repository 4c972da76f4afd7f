import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Acquired, RequestPool } from '../http1/pool.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { DialFailure } from '../transport/dial.ts';
import { AppPresence } from './app-presence.ts';

const GONE: DialFailure = { ok: false, code: 'connect-failure', reason: 'refused' };
const FULL: DialFailure = { ok: false, code: 'circuit-open', reason: 'too many connections' };

/** An app whose connections the test makes or refuses; `heard` has what each who asked was told. */
function asked() {
  const dials: ((result: Acquired) => void)[] = [];
  let closed = 0;
  const pool = {
    connect: (done: (result: Acquired) => void) => {
      dials.push(done);
      return () => {};
    },
  };
  const connection = { destroy: () => (closed += 1) };
  const timers = new FakeTimers();
  const presence = new AppPresence(pool as unknown as RequestPool, timers);
  const heard: string[] = [];
  return {
    ...{ timers, heard, dials, closed: () => closed },
    ask: (name: string) => presence.ask((failure) => heard.push(`${name} ${failure?.reason ?? 'there'}`)),
    connects: () => dials.shift()!({ ok: true, connection } as unknown as Acquired),
    fails: (failure: DialFailure) => dials.shift()!(failure),
  };
}

test('an app that cannot be connected is gone, for all who ask meanwhile', () => {
  const app = asked();
  app.ask('a');
  app.ask('b');
  assert.equal(app.dials.length, 1);
  app.fails(GONE);
  assert.deepEqual(app.heard, ['a refused', 'b refused']);
});

test('an app is there that can be connected twice, and what was connected is closed', () => {
  const app = asked();
  app.ask('a');
  app.connects();
  app.timers.advance(150);
  assert.deepEqual([app.heard, app.dials.length], [[], 0]);
  app.timers.advance(100);
  app.connects();
  assert.deepEqual([app.heard, app.closed()], [['a there'], 2]);
});

test('an app that stops listening a moment later is gone', () => {
  const app = asked();
  app.ask('a');
  app.connects();
  app.timers.advance(250);
  app.fails(GONE);
  assert.deepEqual(app.heard, ['a refused']);
});

test('nothing is known of an app that has too many connections', () => {
  const app = asked();
  app.ask('a');
  app.fails(FULL);
  assert.deepEqual(app.heard, ['a there']);
});

test('who does not wait any more is not told, and who asks later gets an answer of his own', () => {
  const app = asked();
  app.ask('a')();
  app.fails(GONE);
  assert.deepEqual(app.heard, []);
  app.ask('b');
  assert.equal(app.dials.length, 1);
  app.fails(GONE);
  assert.deepEqual(app.heard, ['b refused']);
});

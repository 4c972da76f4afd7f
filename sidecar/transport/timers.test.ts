import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeTimers } from '../testing/fake-timers.ts';
import { Accumulator } from './accumulator.ts';
import { IdleWatch, TimerWheel } from './timers.ts';

test('a deadline fires once, not early, and not at all when cancelled', async () => {
  const wheel = new TimerWheel();
  const started = performance.now();
  let cancelled = false;
  wheel
    .after(60, () => {
      cancelled = true;
    })
    .cancel();
  await new Promise<void>((resolve) => wheel.after(120, resolve));
  assert.ok(performance.now() - started >= 120);
  assert.equal(cancelled, false);
});

test('a deadline armed while others fire is kept', async () => {
  const wheel = new TimerWheel();
  await new Promise<void>((resolve) => wheel.after(0, () => wheel.after(0, resolve)));
});

test('a deadline cancelled by another of the same tick does not fire', async () => {
  const wheel = new TimerWheel();
  let fired = 0;
  const first = wheel.after(0, () => {
    fired += 1;
    second.cancel();
  });
  const second = wheel.after(0, () => {
    fired += 1;
    first.cancel();
  });
  await new Promise<void>((resolve) => wheel.after(100, resolve));
  assert.equal(fired, 1);
});

test('an idle watch expires only when nothing was touched for its whole time', () => {
  const timers = new FakeTimers(0);
  let expired = 0;
  const watch = new IdleWatch(timers, 100, () => {
    expired += 1;
  });
  timers.advance(60);
  watch.touch();
  timers.advance(60);
  assert.equal(expired, 0);
  timers.advance(40);
  assert.equal(expired, 1);
  timers.advance(1_000);
  assert.equal(expired, 1);
});

test('a cancelled idle watch never expires', () => {
  const timers = new FakeTimers(0);
  const watch = new IdleWatch(timers, 100, () => assert.fail('expired'));
  watch.cancel();
  timers.advance(1_000);
  assert.equal(timers.nowMs(), 1_000);
});

test('an accumulator joins pieces of any size, and keeps none of what it was given', () => {
  const accumulator = new Accumulator();
  const first = Buffer.from('ab');
  assert.equal(accumulator.append(first).toString(), 'ab');
  for (const byte of 'cdefgh') accumulator.append(Buffer.from(byte));
  const view = accumulator.view();
  assert.equal(view.toString(), 'abcdefgh');
  first.fill('x');
  assert.equal(accumulator.view().toString(), 'abcdefgh');
  accumulator.clear();
  accumulator.append(Buffer.from('zz'));
  assert.deepEqual([accumulator.view().toString(), view.toString()], ['zz', 'abcdefgh']);
});

test('a deadline that is cancelled leaves nothing behind, however far away it was', () => {
  const wheel = new TimerWheel();
  const held = () => process.memoryUsage().heapUsed;
  const arm = () => {
    for (let count = 0; count < 50_000; count += 1) wheel.after(1e9 + count * 60, () => {}).cancel();
  };
  arm();
  const before = held();
  arm();
  arm();
  // three sets of 50,000 slots would be some 40 MB
  assert.ok(held() - before < 20e6, `${held() - before} bytes more`);
});

test('an idle watch without a timeout never expires and may get one later', () => {
  const timers = new FakeTimers(0);
  let expired = 0;
  const watch = new IdleWatch(timers, 0, () => {
    expired += 1;
  });
  timers.advance(1_000_000);
  assert.equal(expired, 0);
  watch.timeoutMs = 100;
  timers.advance(200);
  assert.equal(expired, 1);
});

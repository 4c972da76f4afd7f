import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import { RefusalLog } from './refusal-log.ts';

function fixture() {
  const lines: [object, string][] = [];
  const ignore = () => {};
  const log = {
    ...{ debug: ignore, info: ignore, error: ignore },
    warn: (data: object, message: string) => void lines.push([data, message]),
  };
  const clock = new FakeClock();
  const refusals = new RefusalLog(log, clock);
  const warn = (times: number) => {
    for (let time = 0; time < times; time++) refusals.warn({ reason: 'x' }, 'refused');
  };
  return { lines, clock, refusals, warn };
}
const LINE = [{ reason: 'x' }, 'refused'];
const left = (suppressed: number) => [{ suppressed }, 'more refusals were not written'];

describe('refusals in the log', () => {
  it('are all written while they are few, without a timer', async () => {
    const { lines, clock, warn } = fixture();
    warn(10);
    assert.equal(clock.pendingTimers, 0);
    await clock.advance(1_000);
    warn(10);
    assert.deepEqual(lines, Array(20).fill(LINE));
  });

  it('are ten a second at most, and then one line says how many were left out', async () => {
    const { lines, clock, warn } = fixture();
    warn(5_000);
    assert.deepEqual(lines, Array(10).fill(LINE));
    assert.equal(clock.pendingTimers, 1);
    await clock.advance(999);
    warn(10);
    assert.equal(lines.length, 10);
    await clock.advance(1);
    assert.deepEqual(lines.slice(10), [left(5_000)]);
    assert.equal(clock.pendingTimers, 0);
    warn(1);
    assert.deepEqual(lines.at(-1), LINE);
    await clock.advance(10_000);
    assert.equal(lines.length, 12);
  });

  it('stay bounded however long it goes on', async () => {
    const { lines, clock, warn } = fixture();
    for (let step = 0; step < 100; step++) {
      warn(100);
      await clock.advance(100);
    }
    assert.equal(lines.length, 10 * 11);
    const suppressed = lines.map(([data]) => (data as { suppressed?: number }).suppressed ?? 0);
    assert.equal(
      suppressed.reduce((sum, count) => sum + count),
      100 * 100 - 10 * 10,
    );
  });

  it('are counted to the end when the server stops, and no timer stays', () => {
    const { lines, clock, refusals, warn } = fixture();
    warn(12);
    refusals.flush();
    assert.deepEqual(lines.at(-1), left(2));
    assert.equal(clock.pendingTimers, 0);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../api/metrics.ts';
import { EventLoopWatch } from './event-loop.ts';
import { parseExposition } from './exposition.fixture.ts';
import { slices } from './prometheus.ts';

function read(watch: EventLoopWatch, name: string): Record<string, number> {
  const { samples } = parseExposition([...slices(watch.families())].join('')).get(name)!;
  return Object.fromEntries(samples.map(({ labels, value }) => [[...labels.values()].join(), value]));
}

test('a stall is counted under every threshold it exceeds, for good', () => {
  const watch = new EventLoopWatch();
  for (const lateMs of [-1, 0, 50, 51, 101, 600]) watch.observe(lateMs);
  assert.deepEqual(read(watch, METRICS.eventLoopStalls), { '0.05': 3, '0.1': 2, '0.5': 1 });
  assert.deepEqual(read(watch, METRICS.eventLoopStalls), { '0.05': 3, '0.1': 2, '0.5': 1 });
});

test('the lag is the one since the last scrape', () => {
  const watch = new EventLoopWatch();
  assert.deepEqual(read(watch, METRICS.eventLoopLag), { '0.5': 0, '0.99': 0, '1': 0 });
  for (let index = 0; index < 98; index += 1) watch.observe(2);
  for (const lateMs of [300, 300]) watch.observe(lateMs);
  const lag = read(watch, METRICS.eventLoopLag);
  assert.ok(Math.abs(lag['0.5']! - 0.002) < 0.0001, String(lag['0.5']));
  assert.ok(Math.abs(lag['0.99']! - 0.3) < 0.01, String(lag['0.99']));
  assert.ok(Math.abs(lag['1']! - 0.3) < 0.01, String(lag['1']));
  assert.deepEqual(read(watch, METRICS.eventLoopLag), { '0.5': 0, '0.99': 0, '1': 0 });
});

test('a clock that jumps far is a long stall and nothing worse', () => {
  const watch = new EventLoopWatch();
  for (const lateMs of [1e12, -1e12]) watch.observe(lateMs);
  const { '1': max } = read(watch, METRICS.eventLoopLag);
  assert.ok(max! > 59 && max! < 61, String(max));
  assert.deepEqual(read(watch, METRICS.eventLoopStalls), { '0.05': 1, '0.1': 1, '0.5': 1 });
});

test('a loop that is held up is seen', async (t) => {
  const watch = new EventLoopWatch();
  t.after(() => watch.stop());
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 1_000;
  watch.start(() => now);
  for (const elapsedMs of [50, 210, 50]) {
    now += elapsedMs;
    t.mock.timers.tick(50);
  }
  assert.deepEqual(read(watch, METRICS.eventLoopStalls), { '0.05': 1, '0.1': 1, '0.5': 0 });
  watch.stop();
  now += 10_000;
  t.mock.timers.tick(50);
  assert.deepEqual(read(watch, METRICS.eventLoopStalls), { '0.05': 1, '0.1': 1, '0.5': 0 });
});

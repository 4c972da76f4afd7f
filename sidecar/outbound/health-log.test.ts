import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogFields, SILENT } from '../log.ts';
import { HEALTH_LINES_BURST, HealthLog } from './health-log.ts';

function create() {
  let nowMs = 0;
  const lines: [message: string, fields: LogFields | undefined][] = [];
  const info = (message: string, fields?: LogFields) => void lines.push([message, fields]);
  const log = new HealthLog({ ...SILENT, info }, { nowMs: () => nowMs });
  const flap = (count: number) => {
    for (let index = 0; index < count; index += 1)
      log.judged({ name: '10.0.0.1:80', healthy: index % 2 === 1 }, 'shop/api', 'status 500');
  };
  return { lines, flap, pass: (ms: number) => (nowMs += ms) };
}

test('the log says which endpoint fails, and when it passes again', () => {
  const { lines, flap } = create();
  flap(2);
  const fields = { destination: 'shop/api', endpoint: '10.0.0.1:80', reason: 'status 500' };
  assert.deepEqual(lines, [
    ['an endpoint fails its health checks', fields],
    ['an endpoint passes its health checks again', fields],
  ]);
});

test('endpoints that flap do not fill the log, which says how much it left out', () => {
  const { lines, flap, pass } = create();
  flap(1_000);
  assert.equal(lines.length, HEALTH_LINES_BURST);
  for (let second = 0; second < 10; second += 1) {
    pass(1_000);
    flap(1_000);
  }
  assert.equal(lines.length, HEALTH_LINES_BURST + 10);
  assert.equal(lines[HEALTH_LINES_BURST]?.[1]?.unsaid, 1_000 - HEALTH_LINES_BURST);
  assert.equal(lines.at(-1)?.[1]?.unsaid, 999);
});

test('what was left out is told once', () => {
  const { lines, flap, pass } = create();
  flap(HEALTH_LINES_BURST + 1);
  pass(3_000);
  flap(2);
  assert.deepEqual(
    lines.slice(-2).map(([, fields]) => fields?.unsaid),
    [1, undefined],
  );
});

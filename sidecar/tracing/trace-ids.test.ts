import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSampled, TraceIds } from './trace-ids.ts';

test('ids have their length, are hexadecimal and do not repeat', () => {
  const ids = new TraceIds();
  const traces = Array.from({ length: 1_000 }, () => ids.traceId());
  const spans = Array.from({ length: 1_000 }, () => ids.spanId());
  for (const id of traces) assert.match(id, /^[0-9a-f]{32}$/);
  for (const id of spans) assert.match(id, /^[0-9a-f]{16}$/);
  assert.equal(new Set([...traces, ...spans]).size, 2_000);
});

test('an id is never all zero, even if chance says so', () => {
  const ids = new TraceIds((pool) => void pool.fill(0));
  for (let count = 0; count < 1_000; count += 1) {
    assert.match(ids.traceId(), /[1-9]/);
    assert.match(ids.spanId(), /[1-9]/);
  }
});

test('the same trace gets the same decision everywhere, and keeps it when the percentage rises', () => {
  const traceId = fc.stringMatching(/^[0-9a-f]{32}$/);
  const percent = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(traceId, percent, percent, (id, a, b) => {
      assert.ok(!isSampled(id, Math.min(a, b)) || isSampled(id, Math.max(a, b)));
      assert.equal(isSampled(id, 0), false);
      assert.equal(isSampled(id, 100), true);
    }),
  );
});

test('of new traces the share is sampled that was asked for', () => {
  const ids = new TraceIds();
  let sampled = 0;
  for (let count = 0; count < 20_000; count += 1) if (isSampled(ids.traceId(), 10)) sampled += 1;
  // six standard deviations
  assert.ok(Math.abs(sampled - 2_000) < 255, String(sampled));
});

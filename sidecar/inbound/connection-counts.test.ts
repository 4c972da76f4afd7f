import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionCounts } from './connection-counts.ts';

test('each port has its own count, and a limit that is lowered or lifted counts what is open', () => {
  const counts = new ConnectionCounts();
  assert.ok(counts.tryEnter(80, undefined));
  assert.ok(counts.tryEnter(80, 2));
  assert.ok(!counts.tryEnter(80, 2));
  assert.ok(counts.tryEnter(81, 2));
  assert.ok(counts.tryEnter(80, undefined));
  counts.leave(80);
  assert.ok(!counts.tryEnter(80, 2));
  counts.leave(80);
  assert.ok(counts.tryEnter(80, 2));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HOPS } from '../hops/hops.ts';
import { TARGETS } from './targets.ts';

test('every target is of a hop that there is', () => {
  const names = new Set(HOPS.map(({ name }) => name));
  for (const { hop } of TARGETS) assert.ok(names.has(hop), hop);
});

test('what is aimed for is at least as good as what has to be reached', () => {
  for (const { hop, better, reach, aim } of TARGETS) {
    assert.ok(better === 'less' ? aim <= reach : aim >= reach, hop);
  }
});

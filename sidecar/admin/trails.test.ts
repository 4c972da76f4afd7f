import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrailRecord } from '../../api/trail-record.ts';
import { selectTrails } from './trails.ts';

const record = (requestId: string, endedMs: number, traceId = '') =>
  ({ requestId, endedMs, traceId }) as TrailRecord;
const RECORDS = [record('c', 30, 'trace'), record('b', 20, 'trace'), record('a', 10)];
const trails = { records: (matches = (_: TrailRecord) => true) => RECORDS.filter(matches) };
const asked = (query: string) =>
  selectTrails(trails, new URLSearchParams(query)).map(({ requestId }) => requestId);

for (const [query, ids] of [
  ['', ['c', 'b', 'a']],
  ['id=b', ['b']],
  ['id=trace', ['c', 'b']],
  ['id=', []],
  ['id=x', []],
  ['since=20', ['c', 'b']],
  ['since=never', ['c', 'b', 'a']],
  ['limit=1', ['c']],
  ['limit=-1', ['c', 'b', 'a']],
  ['limit=0', []],
  ['since=20&limit=1&id=b', ['b']],
] as const) {
  test(`asked for "${query}", these are given: ${ids.join(' ') || 'none'}`, () => {
    assert.deepEqual(asked(query), ids);
  });
}

test('without a data path there are none', () => {
  assert.deepEqual(selectTrails(undefined, new URLSearchParams()), []);
});

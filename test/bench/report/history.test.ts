import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Entry,
  lastComparable,
  parseHistory,
  ratiosOf,
  readHistory,
  record,
  regressions,
  regressionText,
} from './history.ts';
import type { Row } from './row.ts';

const entry = (ratios: Entry['ratios'], date = '2026-01-02T03:04:05Z'): Entry => ({
  date,
  commit: 'abc1234',
  machine: 'two cores',
  ratios,
});
const plaintext = (ratio: number): Row => ({
  hop: 'plaintext',
  candidate: 'weft',
  ratio,
  ratioOf: 'CPU per request, to nginx plaintext',
});
const body = (ratio: number): Row => ({
  hop: 'body-1m',
  candidate: 'weft',
  ratio,
  ratioOf: 'bytes per CPU second, to nginx on this hop',
});
const LAST = entry({ 'plaintext/weft/ratio': 2, 'body-1m/weft/ratio': 0.8 });

test('CPU per request that rose by more than 10 % is a regression', () => {
  const [found, ...others] = regressions(LAST, [plaintext(2.5)]);
  assert.deepEqual(found, { name: 'plaintext/weft/ratio', before: 2, now: 2.5, by: 0.25 });
  assert.deepEqual(others, []);
});

test('10 % and less is noise, and an improvement is no regression', () => {
  for (const ratio of [2.2, 2, 1.2]) assert.deepEqual(regressions(LAST, [plaintext(ratio)]), []);
});

test('of bytes per CPU second more is better', () => {
  assert.deepEqual(regressions(LAST, [body(1.2)]), []);
  assert.equal(regressions(LAST, [body(0.5)])[0]?.name, 'body-1m/weft/ratio');
});

test('the worst regression comes first', () => {
  const names = regressions(LAST, [plaintext(2.4), body(0.4)]).map(({ name }) => name);
  assert.deepEqual(names, ['body-1m/weft/ratio', 'plaintext/weft/ratio']);
});

test('what only one of two runs measured is not compared', () => {
  const added: Row = { ...plaintext(9), hop: 'new' };
  assert.deepEqual(regressions(LAST, [added]), []);
  assert.deepEqual(regressions(undefined, [plaintext(9)]), []);
});

test('only ratios of Weft are kept, and none that is not a number or was had by failing', () => {
  const rows: Row[] = [
    plaintext(1.23456),
    { ...plaintext(7), candidate: 'http-proxy' },
    { ...plaintext(Number.NaN), hop: 'broken' },
    { ...plaintext(0.1), hop: 'failing', errors: 1 },
    { hop: 'scale-routes', candidate: 'weft, 100 routes', more: { ratioToSmallest: 1.04, other: 5 } },
  ];
  assert.deepEqual(ratiosOf(rows), {
    'plaintext/weft/ratio': 1.235,
    'scale-routes/weft, 100 routes/ratioToSmallest': 1.04,
  });
});

test('the last entry that measured any of the hops is compared with', () => {
  const other = entry({ 'pair/weft/p50ToNginx': 1 }, '2026-01-03T00:00:00Z');
  assert.equal(lastComparable([LAST, other], [plaintext(2)]), LAST);
  assert.equal(lastComparable([other], [plaintext(2)]), undefined);
});

test('what is recorded is read back, and a file that is not there is an empty history', () => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-history-'));
  const file = join(dir, 'history.jsonl');
  try {
    assert.deepEqual(readHistory(file), []);
    record(file, LAST);
    record(file, entry({}));
    assert.deepEqual(readHistory(file), [LAST, entry({})]);
    assert.equal(readFileSync(file, 'utf8').split('\n').length, 3);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('a line that is no entry is named', () => {
  const good = JSON.stringify(LAST);
  assert.throws(() => parseHistory(`${good}\nnonsense\n`), /line 2 of the history is not an entry: nonsense/);
  assert.throws(() => parseHistory('{"date":"2026-01-01"}'), /line 1 /);
  assert.throws(() => parseHistory('null'), /line 1 /);
});

test('the text names commit, day and how much worse', () => {
  const text = regressionText(LAST, regressions(LAST, [plaintext(2.5)]));
  assert.match(text, /abc1234 of 2026-01-02/);
  assert.match(text, /plaintext\/weft\/ratio {2}2 → 2\.5 {2}\(25 % worse\)/);
  assert.match(regressionText(LAST, []), /no ratio is more than 10 % worse/);
  assert.match(regressionText(undefined, []), /--record/);
});

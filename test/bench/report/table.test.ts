import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdownOf, replaceFigures } from './markdown.ts';
import type { Row } from './row.ts';
import { tableOf } from './table.ts';
import { TARGETS, verdictOf } from './targets.ts';

const weft: Row = {
  hop: 'plaintext',
  candidate: 'weft',
  cpuUsPerRequest: 30,
  ratio: 1.5,
  p50Ms: 1,
  p99Ms: 2,
  rssMb: 50,
  pssMb: 20,
  ratioOf: 'CPU per request, to nginx plaintext',
  cpuSpread: { median: 30, q1: 29, q3: 31 },
  ratioSpread: { median: 1.5, q1: 1.4, q3: 1.6 },
};
const nginx: Row = { ...weft, candidate: 'nginx', cpuUsPerRequest: 20, ratio: 1 };
const target = TARGETS.find(({ hop }) => hop === 'plaintext')!;

test('each hop is a block that says what its ratio is to, one line a candidate', () => {
  const lines = tableOf([nginx, weft], TARGETS).split('\n');
  assert.equal(lines[0], 'plaintext   (ratio: CPU per request, to nginx plaintext)');
  assert.match(lines[2]!, /^ {2}nginx +20\.0 +\(29\.0–31\.0\) +1\.00/);
  assert.match(lines[3]!, /^ {2}weft +30\.0 .* 50\.0 +20\.0 +reached \(ratio ≤ 1\.8, aim 1\.2\)$/);
});

test('columns that no row of a hop fills are left out', () => {
  const text = tableOf([{ hop: 'start', candidate: 'weft', more: { readyMs: 120 } }], TARGETS);
  assert.doesNotMatch(text, /CPU|p99|RSS/);
  assert.match(text, /readyMs 120\.000; reached \(readyMs ≤ 250, aim 100\)/);
});

test('a figure misses its target, reaches it, or reaches what is aimed for', () => {
  const verdict = (ratio: number) => verdictOf(target, { ...weft, ratio });
  assert.match(verdict(1.81)!, /^MISSED/);
  assert.match(verdict(1.8)!, /^reached \(/);
  assert.match(verdict(1.2)!, /^reached the aim/);
});

test('where more is better a small figure is a miss', () => {
  const bytes = TARGETS.find(({ hop }) => hop === 'body-64k')!;
  const row: Row = { ...weft, hop: 'body-64k' };
  assert.match(verdictOf(bytes, { ...row, ratio: 0.5 })!, /^MISSED \(ratio ≥ 0\.7/);
  assert.match(verdictOf(bytes, { ...row, ratio: 1.1 })!, /^reached the aim/);
});

test('a candidate whose requests failed gets no verdict, and the table says why they failed', () => {
  const failing: Row = { ...weft, ratio: 0.1, errors: 3, reason: 'EOF' };
  assert.equal(verdictOf(target, failing), 'no verdict: requests failed');
  assert.match(tableOf([failing], TARGETS), /3 ERRORS: EOF/);
});

test('targets are for Weft, on their own hop, of figures that were measured', () => {
  assert.equal(verdictOf(target, nginx), undefined);
  assert.equal(verdictOf(target, { ...weft, hop: 'mtls-inbound' }), undefined);
  assert.equal(verdictOf(target, { hop: 'plaintext', candidate: 'weft' }), undefined);
  assert.equal(verdictOf(target, { ...weft, ratio: Number.NaN }), undefined);
});

test('in Markdown every row has as many cells as the head', () => {
  const lines = markdownOf([nginx, weft], TARGETS).trimEnd().split('\n');
  const cells = lines.map((line) => line.split('|').length);
  assert.equal(new Set(cells).size, 1);
  assert.match(lines[2]!, /^\| plaintext \| nginx \| 20\.0 \|/);
  // the hop is named once
  assert.match(lines[3]!, /^\| {2}\| weft \|/);
});

test('figures are put between the marks of a document and leave the rest alone, however often', () => {
  const document = 'before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n';
  const once = replaceFigures(document, '| new |\n');
  assert.equal(once, 'before\n<!-- figures -->\n\n| new |\n\n<!-- /figures -->\nafter\n');
  assert.equal(replaceFigures(once, '| new |\n'), once);
});

test('without both marks in their order the table is all there is', () => {
  const open = '<!-- figures -->\n';
  const close = '<!-- /figures -->\n';
  for (const document of ['', 'text', open, close, `${close}${open}`]) {
    assert.equal(replaceFigures(document, '| new |\n'), '| new |\n');
  }
});

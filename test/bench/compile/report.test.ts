import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CompileRow, compileMarkdown, compileTable } from './report.ts';

const row = (change: string, more: Partial<CompileRow> = {}): CompileRow => ({
  ...{ change, mesh: '100 workloads', workloads: 100, cpuMs: 1.234, p90Ms: 2, turns: 60 },
  ...more,
});
const ROWS = [
  row('a pod'),
  row('a pod', { mesh: '1000 workloads', targetMs: 20, isMissed: false }),
  row('a policy', { targetMs: 1, isMissed: true }),
];

describe('what a change costs the operator', () => {
  it('is printed by change, with the verdict where there is a target', () => {
    assert.deepEqual(compileTable(ROWS).split('\n'), [
      'a pod',
      '  mesh            CPU ms     p90',
      '  100 workloads     1.23    2.00',
      '  1000 workloads    1.23    2.00  reached (≤ 20)',
      '',
      'a policy',
      '  mesh            CPU ms     p90',
      '  100 workloads     1.23    2.00  MISSED (≤ 1)',
    ]);
  });

  it('is a table in Markdown that names a change once', () => {
    assert.deepEqual(compileMarkdown(ROWS).trim().split('\n').slice(2), [
      '| a pod | 100 workloads | 1.23 | 2.00 | 60 |  |',
      '|  | 1000 workloads | 1.23 | 2.00 | 60 | reached (≤ 20) |',
      '| a policy | 100 workloads | 1.23 | 2.00 | 60 | MISSED (≤ 1) |',
    ]);
  });
});

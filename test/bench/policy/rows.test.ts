import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { policyMarkdown, policyTable } from './report.ts';
import { rowsOf } from './rows.ts';

const costs = (...values: number[]) => values.map((cpuUsPerRequest) => ({ cpuUsPerRequest, errors: 0 }));
const lane = (name: string) => ({ name, what: `what ${name} is` });

describe('the cost of a layer', () => {
  const [row] = rowsOf('inbound', [lane(''), lane('jwt')], [costs(20, 40, 10), costs(22, 46, 12)]);

  it('is that on top of the bare hop of the same round', () => {
    assert.equal(row?.layer, 'jwt');
    assert.equal(row?.cpuUs, 22);
    assert.deepEqual(row?.addedUs, { median: 2, q1: 2, q3: 4 });
    assert.equal(row?.leastAddedUs, 2);
    assert.equal(row?.ratio.median, 1.15);
    assert.equal(row && 'ratioToNginx' in row, false);
  });

  it('is compared with nginx where that ran beside it', () => {
    const names = ['bare', 'nginx'].map(lane);
    const [bare, nginx] = rowsOf('outbound', names, [costs(20, 30), costs(10, 20)]);
    assert.equal(bare?.ratioToNginx, 1.75);
    assert.equal(bare?.ratio.median, 1);
    assert.equal(nginx?.ratioToNginx, 1);
  });

  it('is no cost when requests failed', () => {
    const failing = costs(1, 1).map((sample) => ({ ...sample, errors: 2, reason: 'status 4' }));
    const rows = rowsOf('inbound', [lane(''), lane('jwt')], [costs(20, 20), failing]);
    assert.equal(rows[0]?.errors, 4);
    assert.match(policyTable(rows), /4 ERRORS: status 4; what jwt is/);
    assert.match(policyMarkdown(rows), /\| requests failed \| {2}\|/);
  });
});

describe('the table of layers', () => {
  const rows = [
    ...rowsOf('inbound', [lane(''), lane('jwt')], [costs(20), costs(22.5)]),
    ...rowsOf('outbound', ['bare', 'nginx'].map(lane), [costs(20), costs(10)]),
  ];

  it('has a block for each side', () => {
    const lines = policyTable(rows).split('\n');
    assert.deepEqual(
      lines.filter((line) => /^\w/.test(line)),
      ['inbound', 'outbound'],
    );
    assert.match(lines[2] ?? '', /^ {2}jwt +22\.5 +\+2\.5 +\(2\.5–2\.5\) +\+2\.5 +1\.13 /);
  });

  it('names a side once in Markdown, and nginx where it was measured', () => {
    const lines = policyMarkdown(rows).trim().split('\n').slice(2);
    assert.equal(
      lines[0],
      '| inbound | jwt | what jwt is | 22.5 | +2.5 (2.5–2.5) | +2.5 | 1.13 (1.13–1.13) |',
    );
    assert.match(lines[1] ?? '', /^\| outbound \| bare \| what bare is \(to nginx 2\.00\) \|/);
    assert.match(lines[2] ?? '', /^\| {2}\| nginx \| .* \| −10\.0 /);
  });
});

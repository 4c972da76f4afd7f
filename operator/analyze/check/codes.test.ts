import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CODES } from './codes.ts';

const HERE = import.meta.dirname;
const GUIDE = join(HERE, '../../../docs/guides/checking.md');

const textsOf = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts') && name !== 'codes.test.ts')
    .map((name) => readFileSync(join(folder, name), 'utf8'));

describe('every kind of finding', () => {
  it('is in the guide, once, with why and what to do, and the guide has no other', () => {
    const rows = readFileSync(GUIDE, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const cells = rows.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    assert.deepEqual(cells.map(([code]) => code!.replaceAll('`', '')).sort(), [...CODES].sort());
    for (const row of cells) {
      assert.equal(row.length, 4, row[0]);
      assert.ok(
        row.every((cell) => cell !== ''),
        row[0],
      );
    }
  });

  it('is in a test', () => {
    const tests = [...textsOf(HERE), ...textsOf(join(HERE, '..'))].join('\n');
    assert.deepEqual(
      CODES.filter((code) => !tests.includes(`'${code}'`)),
      [],
    );
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readFailures, tellFailures } from './failures.ts';

const FAILING = `
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
describe('a suite', () => {
  it('has left something', () => assert.deepEqual(['Secret/shop/web'], []));
  it('takes long', { timeout: 50 }, () => new Promise((done) => setTimeout(done, 500)));
  it('is good', () => {});
  describe('inside', () => {
    it('throws', () => { throw new Error(Array.from({ length: 30 }, (_, line) => 'line ' + line).join('\\n')); });
  });
});
`;

/** What node's own test runner prints of these tests. */
function reported(tests: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-failures-'));
  try {
    const file = join(folder, 'some.test.mjs');
    writeFileSync(file, tests);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const flags = ['--test', '--test-reporter=spec', file];
    return spawnSync(process.execPath, flags, { encoding: 'utf8', env }).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it('failures are read from what node’s test runner prints, each with what was thrown', () => {
  const failures = readFailures(reported(FAILING));
  assert.deepEqual(
    failures.map(({ name }) => name),
    ['has left something', 'takes long', 'throws'],
  );
  const [left, long, thrown] = failures;
  assert.match(left!.where, /some\.test\.mjs:5:/);
  assert.ok(left!.message.includes("+   'Secret/shop/web'"), left!.message.join('\n'));
  assert.deepEqual(long!.message, ["'test timed out after 50ms'"]);
  assert.deepEqual(
    [thrown!.message[0], thrown!.message.at(-2), thrown!.message.at(-1)],
    ['Error: line 0', 'line 11', '…'],
  );
});

it('a run in which nothing failed has none', () => {
  assert.deepEqual(readFailures(reported(`import { it } from 'node:test'; it('is good', () => {});`)), []);
});

it('a failure is told with its stage, its place and its message', () => {
  const failures = [{ where: 'test/x.test.ts:1:2', name: 'works', message: ['Error: no', 'nor this'] }];
  assert.equal(
    tellFailures('cluster', failures),
    '✖ cluster: works (test/x.test.ts:1:2)\n    Error: no ⏎ nor this',
  );
});

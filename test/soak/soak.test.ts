import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** Only that it runs and reports: what a few seconds say of memory is nothing. */
function soak(...args: string[]) {
  const command = [join(import.meta.dirname, 'main.ts'), ...args];
  return spawnSync(process.execPath, command, { encoding: 'utf8', timeout: 60_000 });
}

const REPORTED =
  /web RSS: mean [\d.]+ MiB, slope -?[\d.]+ ± (?:[\d.]+|Infinity) KiB\/min .*: (?:flat|grows|unknown)\n/;

test('constant load is reported, with every request served', () => {
  const { stdout, stderr } = soak('--minutes', '0.05', '--rate', '100', '--sample-seconds', '0.5');
  assert.match(stdout, /\nrequests: [1-9]\d* served, 0 failed, /, stderr);
  assert.match(stdout, REPORTED);
  assert.match(stdout, /\napi heap: mean /);
});

test('short connections are reported, each of them', () => {
  const { stdout, stderr } = soak('--short-connections', '500', '--sample-seconds', '0.5');
  assert.match(stdout, /\nrequests: 500 served, 0 failed, /, stderr);
  assert.match(stdout, REPORTED);
});

test('arguments that are not valid end with 2, and --help says which are', () => {
  assert.equal(soak('--minutes', 'many').status, 2);
  assert.equal(soak('--unknown').status, 2);
  assert.match(soak('--help').stdout, /--short-connections N/);
});

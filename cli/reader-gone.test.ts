import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, it } from 'node:test';

const WEFT = new URL('../weft.ts', import.meta.url).pathname;

/** Of a command whose output nobody reads. */
function run(args: readonly string[]): Promise<{ readonly code: number | null; readonly complaint: string }> {
  const child = spawn(process.execPath, [WEFT, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stdout.destroy();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, complaint }));
  });
}

describe('a command whose reader has seen enough', () => {
  for (const args of [
    ['--help'],
    ['explain', 'request', '--help'],
    ['init', '--help'],
    ['sidecar', '--help'],
  ]) {
    it(`ends quietly: weft ${args.join(' ')}`, async () => {
      assert.deepEqual(await run(args), { code: 0, complaint: '' });
    });
  }
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

const MAIN = new URL('./main.ts', import.meta.url).href;
const START = `import(${JSON.stringify(MAIN)}).then((m) => m.main(process.argv.slice(1)))`;

function weftSidecar(...args: string[]) {
  return spawnSync(process.execPath, ['-e', START, '--', ...args], {
    env: {},
    encoding: 'utf8',
    timeout: 20_000,
  });
}

describe('weft sidecar', () => {
  it('--help prints its usage and ends with 0', () => {
    const { status, stdout, stderr } = weftSidecar('--help');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Usage: weft sidecar\n/);
    const read = readFileSync(new URL('./settings.ts', import.meta.url), 'utf8');
    const names = new Set(read.match(/WEFT_[A-Z_]+(?=')/g));
    assert.ok(names.has('WEFT_PROXY_ID') && names.size > 8);
    for (const name of names) assert.ok(stdout.includes(name), name);
  });

  it('with arguments it does not know says how it is used, and ends with 2', () => {
    const { status, stdout, stderr } = weftSidecar('start');
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^Usage: weft sidecar\n/);
  });

  it('without its environment says what is missing, and ends with 2', () => {
    const { status, stdout } = weftSidecar();
    assert.equal(status, 2);
    assert.match(stdout, /WEFT_PROXY_ID: is required/);
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { selfSigned } from './certificate.fixture.ts';
import { TRUST_BUNDLE } from './pod.fixture.ts';

const MAIN = new URL('./main.ts', import.meta.url).href;
const START = `import(${JSON.stringify(MAIN)}).then((m) => m.main(process.argv.slice(1)))`;

function weftInjector(args: readonly string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, ['-e', START, '--', ...args], {
    env,
    encoding: 'utf8',
    timeout: 20_000,
  });
}

async function linesUntil(child: ChildProcess, message: string): Promise<Record<string, unknown>> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const entry = JSON.parse(line);
    if (entry.message === message) return entry;
  }
  throw new Error(`ended before: ${message}`);
}

describe('weft injector', () => {
  it('says what is missing in its environment', () => {
    const result = weftInjector([]);
    assert.equal(result.status, 2);
    assert.match(result.stderr, /^weft injector: WEFT_IMAGE: the image of the sidecar must be set/);
  });

  it('refuses arguments with its usage', () => {
    const result = weftInjector(['--port', '1']);
    assert.equal(result.status, 2);
    assert.match(result.stderr, /^Usage: weft injector/);
    assert.equal(weftInjector(['--help']).status, 0);
  });

  it('serves, and ends cleanly after SIGTERM', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'weft-injector-'));
    const { cert, key } = await selfSigned();
    await writeFile(join(directory, 'tls.crt'), cert);
    await writeFile(join(directory, 'tls.key'), key);
    await writeFile(join(directory, 'ca.crt'), TRUST_BUNDLE);
    const env = {
      WEFT_IMAGE: 'weft:1',
      WEFT_TLS_DIR: directory,
      WEFT_PORT: '0',
      WEFT_HEALTH_PORT: '0',
      WEFT_HOST: '127.0.0.1',
      WEFT_DRAIN_DELAY_MS: '10',
    };
    const child = spawn(process.execPath, ['-e', START], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const serving = await linesUntil(child, 'serving');
      assert.equal(typeof serving.port, 'number');
      assert.equal(serving.level, 'info');
      assert.match(String(serving.time), /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    } finally {
      child.kill('SIGKILL');
      await rm(directory, { recursive: true });
    }
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

const MAIN = new URL('./main.ts', import.meta.url).href;
const START = `import(${JSON.stringify(MAIN)}).then((m) => m.main(process.argv.slice(1)))`;

/** As an unprivileged user, so that nothing can be changed on this machine. */
function weftInit(args: readonly string[], env: Record<string, string> = {}) {
  const user = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  return spawnSync(process.execPath, ['-e', START, '--', ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
    ...user,
  });
}

describe('weft init', () => {
  it('prints the rules of both families without changing anything', () => {
    const result = weftInit(['--print'], { WEFT_SKIP_OUTBOUND_PORTS: '25' });
    assert.equal(result.status, 0, result.stderr);
    assert.match(result.stdout, /^# IPv4\n-A PREROUTING -p tcp -j WEFT_INBOUND\n/);
    assert.match(result.stdout, /# IPv6\n(.*\n)+.*--dports 25 -j RETURN\n/);
  });

  it('says which capabilities are missing and what to do', () => {
    const result = weftInit([]);
    assert.equal(result.status, 1);
    const line = JSON.parse(result.stdout);
    assert.equal(line.level, 50);
    assert.match(line.msg, /missing: NET_ADMIN, NET_RAW\. .*label the namespace/);
  });

  it('says which variable is wrong', () => {
    const result = weftInit([], { WEFT_SKIP_INBOUND_PORTS: 'http' });
    assert.equal(result.status, 1);
    assert.match(JSON.parse(result.stdout).msg, /^WEFT_SKIP_INBOUND_PORTS: "http" is not a port/);
  });

  it('refuses arguments it does not know with its usage', () => {
    for (const args of [['--force'], ['--print', 'x']]) {
      const result = weftInit(args);
      assert.equal(result.status, 2);
      assert.match(result.stderr, /^Usage: weft init/);
    }
  });
});

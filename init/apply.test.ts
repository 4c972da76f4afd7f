import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applyRules } from './apply.ts';
import type { Ipv6State } from './ipv6.ts';
import { createLog } from './log.ts';
import { readOptions } from './options.ts';
import type { Run, RunResult } from './run.ts';

const MISSING: RunResult = { ok: false, missing: true, stdout: '', complaint: 'spawn ENOENT' };
const DENIED: RunResult = { ok: false, missing: false, stdout: '', complaint: 'Permission denied' };
const done = (stdout = ''): RunResult => ({ ok: true, missing: false, stdout, complaint: '' });

/** Remembers what each restore wrote and prints it on save; `overrides` answer instead. */
function fakeKernel(
  overrides: Readonly<Record<string, RunResult>> = {},
  tables: Record<string, string> = {},
) {
  const calls: string[] = [];
  const run: Run = async (program, args, input = '') => {
    calls.push([program, ...args].join(' '));
    const override = overrides[program];
    if (override !== undefined) return override;
    if (program.endsWith('-save')) return done(tables[program] ?? '*nat\nCOMMIT\n');
    if (program.endsWith('-restore')) {
      const lines = input.split('\n').filter((line) => !/^-[FDX] /.test(line));
      tables[program.replace('restore', 'save')] = lines.join('\n');
    }
    return done();
  };
  return { run, calls, tables };
}

async function apply(run: Run, ipv6: Ipv6State, env: Record<string, string> = {}) {
  const lines: { msg: string; family?: string; backend?: string; reason?: string }[] = [];
  const log = createLog(
    (line) => lines.push(JSON.parse(line)),
    () => 0,
  );
  await applyRules(readOptions(env), ipv6, run, log);
  return lines.map((line) => [line.family, line.backend, line.msg].filter(Boolean).join(' '));
}

describe('applying rules', () => {
  it('writes both families with nft and adds the IPv6 source', async () => {
    const kernel = fakeKernel();
    assert.deepEqual(await apply(kernel.run, 'Global'), [
      'IPv4 nft rules written and read back',
      'IPv6 nft rules written and read back',
      'address added to lo',
    ]);
    assert.ok(kernel.calls.includes('ip -6 addr replace ::6/128 dev lo'));
    assert.ok(kernel.calls.includes('iptables-nft-restore --noflush'));
    assert.ok(!kernel.calls.includes('iptables-legacy-restore --noflush'));
  });

  it('falls back to legacy where nft does not work', async () => {
    const kernel = fakeKernel({ 'iptables-nft-restore': DENIED });
    assert.deepEqual(await apply(kernel.run, 'Off'), [
      'IPv4 nft this backend does not work here',
      'IPv4 legacy rules written and read back',
      'IPv6 is off in this pod; nothing to redirect',
    ]);
  });

  it('uses the backend that has rules already', async () => {
    const used = '*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j ACCEPT\nCOMMIT\n';
    const kernel = fakeKernel({}, { 'iptables-legacy-save': used });
    assert.match((await apply(kernel.run, 'Off'))[0]!, /^IPv4 legacy rules written/);
  });

  it('clears its own rules out of the other backend', async () => {
    const own = '*nat\n:WEFT_INBOUND - [0:0]\nCOMMIT\n';
    const kernel = fakeKernel({}, { 'iptables-legacy-save': own });
    const lines = await apply(kernel.run, 'Off', { WEFT_IPTABLES_BACKEND: 'nft' });
    assert.deepEqual(lines.slice(0, 2), [
      'IPv4 legacy removed rules of an earlier start',
      'IPv4 nft rules written and read back',
    ]);
  });

  it('fails, with every reason, when no backend is installed', async () => {
    const kernel = fakeKernel({ 'iptables-nft-save': MISSING, 'iptables-legacy-save': DENIED });
    await assert.rejects(apply(kernel.run, 'Off'), {
      message:
        'no working iptables: iptables-nft-save: not installed; iptables-legacy-save: Permission denied',
    });
  });

  it('fails when a restore reports success and the rules are not there', async () => {
    const kernel = fakeKernel({
      'iptables-nft-restore': done(),
      'iptables-legacy-restore': done(),
    });
    await assert.rejects(apply(kernel.run, 'Off'), /reported success, but reading back: missing/);
  });

  it('fails when a pod that is reachable by IPv6 cannot be redirected', async () => {
    const kernel = fakeKernel({ 'ip6tables-nft-restore': DENIED, 'ip6tables-legacy-restore': DENIED });
    await assert.rejects(apply(kernel.run, 'Global'), /Permission denied/);
  });

  it('fails when the IPv6 source cannot be added', async () => {
    await assert.rejects(
      apply(fakeKernel({ ip: MISSING }).run, 'Global'),
      /ip -6 addr replace .* not installed/,
    );
  });

  it('only warns when ip6tables is missing and no one but neighbours has IPv6', async () => {
    const kernel = fakeKernel({ 'ip6tables-nft-save': MISSING, 'ip6tables-legacy-save': MISSING });
    assert.deepEqual(await apply(kernel.run, 'LinkLocal'), [
      'IPv4 nft rules written and read back',
      'IPv6 traffic of the local link is not redirected',
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLog } from './log.ts';
import type { Run } from './run.ts';
import { letConnectionsWait, letNothingWait } from './waiting.ts';

const HERE = { family: 'IPv4', backend: 'nft' } as const;
const THERE =
  '*filter\n-A OUTPUT -o lo -p tcp -m tcp --sport 15001 --tcp-flags RST RST -j WEFT_WAITING\nCOMMIT\n';

/** A filter table that reads so; remembers what is written to it. */
function kernel(saved: string, complaint = '') {
  const written: string[] = [];
  const run: Run = async (program, _args, input = '') => {
    const isSave = program.endsWith('-save');
    if (!isSave) written.push(...input.split('\n').filter((line) => /^-[ADX] /.test(line)));
    const ok = isSave || complaint === '';
    return { ok, missing: false, stdout: isSave ? saved : '', complaint: ok ? '' : complaint };
  };
  return { run, written };
}

const lines: string[] = [];
const log = createLog(
  (line) => lines.push(line),
  () => 0,
);

describe('the rule by which connections of the app wait', () => {
  it('drops refusals of the outbound listener on loopback, of connections that were never accepted', async () => {
    const { run, written } = kernel('');
    await letConnectionsWait(HERE, 15001, run, log);
    assert.deepEqual(written, [
      '-A WEFT_WAITING -m conntrack ! --ctstatus ASSURED -j DROP',
      '-A OUTPUT -o lo -p tcp -m tcp --sport 15001 --tcp-flags RST RST -j WEFT_WAITING',
    ]);
  });

  it('is jumped to once, however often it is written', async () => {
    const { run, written } = kernel(THERE);
    await letConnectionsWait(HERE, 15001, run, log);
    assert.deepEqual(written, ['-A WEFT_WAITING -m conntrack ! --ctstatus ASSURED -j DROP']);
  });

  it('is done without on a kernel that does not know it, and the log says so', async () => {
    const { run } = kernel('', 'unknown option "--ctstatus"');
    await letConnectionsWait(HERE, 15001, run, log);
    assert.match(lines.at(-1)!, /"level":40.*"reason":"unknown option .*refused while no sidecar runs/);
  });

  it('is taken away where it is, and nothing is where it is not', async () => {
    const there = kernel(THERE);
    assert.equal(await letNothingWait('IPv4', 'nft', 15001, there.run), undefined);
    assert.equal(there.written.length, 2);
    const bare = kernel('');
    assert.equal(await letNothingWait('IPv4', 'nft', 15001, bare.run), undefined);
    assert.deepEqual(bare.written, []);
    assert.equal(await letNothingWait('IPv4', 'nft', 15001, kernel(THERE, 'denied').run), 'denied');
  });
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { keep } from './keeper.ts';

describe('the keeper of a run', () => {
  it('ends the groups it watches when the runner is gone, and none it was told to forget', async () => {
    const start = () => spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    const [watched, forgotten] = [start(), start()];
    const ended = once(watched, 'exit');
    await keep(Readable.from([`${watched.pid}\n${forgotten.pid}\n-${forgotten.pid}\n`]));
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.equal(forgotten.exitCode ?? forgotten.signalCode, null);
    forgotten.kill('SIGKILL');
    assert.deepEqual(await once(forgotten, 'exit'), [null, 'SIGKILL']);
  });
});

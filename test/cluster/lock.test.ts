import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, processIdentity, withLock } from './lock.ts';

describe('a lock', () => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-lock-'));
  after(() => rmSync(directory, { recursive: true }));

  it('lets one at a time do the work', async () => {
    const path = join(directory, 'one');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await delay(20);
      inside--;
    };
    await Promise.all([withLock(path, work), withLock(path, work), withLock(path, work)]);
    assert.equal(most, 1);
    assert.equal(existsSync(path), false);
  });

  it('is taken over from a process that has ended', async () => {
    const path = join(directory, 'stale');
    const { pid } = spawnSync('true');
    writeFileSync(path, `${pid} 1`);
    assert.equal(await withLock(path, () => Promise.resolve('done')), 'done');
  });

  it('is given up when the work fails', async () => {
    const path = join(directory, 'failed');
    await assert.rejects(withLock(path, () => Promise.reject(new Error('no'))));
    assert.equal(existsSync(path), false);
  });

  it('tells a process from a later one with the same id', { skip: process.platform !== 'linux' }, () => {
    assert.equal(isAlive(processIdentity(process.pid) ?? ''), true);
    assert.equal(isAlive(`${process.pid} 1`), false);
  });
});

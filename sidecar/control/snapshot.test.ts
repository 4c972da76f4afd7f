import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { temporaryFolder } from './control.fixture.ts';
import { SNAPSHOT_MAX_BYTES, SnapshotFile } from './snapshot.ts';

describe('a snapshot', () => {
  it('gives back what was saved, in a file only its user may read', async (t) => {
    const folder = await temporaryFolder(t);
    const value = { a: [1, 'two\nlines', null] };
    await new SnapshotFile(folder, 'state').save(() => value);
    assert.deepEqual(await new SnapshotFile(folder, 'state').load(), { value });
    assert.equal((await stat(join(folder, 'state'))).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['state'], 'no temporary file is left');
  });

  it('says when there is none', async (t) => {
    assert.deepEqual(await new SnapshotFile(await temporaryFolder(t), 'state').load(), {
      reason: 'there is none',
    });
  });

  it('is ignored when a byte of it is not as written', async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, 'state');
    await new SnapshotFile(folder, 'state').save(() => ({ number: 1 }));
    const whole = await readFile(path, 'utf8');
    const reasonOf = async (text: string) => {
      await writeFile(path, text);
      const loaded = await new SnapshotFile(folder, 'state').load();
      return 'reason' in loaded ? loaded.reason : assert.fail('it was taken');
    };
    assert.equal(await reasonOf(whole.replace('1}', '2}')), 'its checksum is wrong');
    assert.equal(await reasonOf(whole.slice(0, -4)), 'its checksum is wrong');
    assert.equal(await reasonOf(''), 'it is not a snapshot of this format');
    assert.equal(await reasonOf('{}'), 'it is not a snapshot of this format');
    assert.equal(await reasonOf(' '.repeat(SNAPSHOT_MAX_BYTES + 1)), 'it is too large');
  });

  it('keeps the old one when the new one is too large', async (t) => {
    const file = new SnapshotFile(await temporaryFolder(t), 'state');
    await file.save(() => 'small');
    await assert.rejects(
      file.save(() => 'x'.repeat(SNAPSHOT_MAX_BYTES)),
      /too large/,
    );
    assert.deepEqual(await file.load(), { value: 'small' });
  });

  it('writes the newest of what came while it was writing, and goes on after a failure', async (t) => {
    const file = new SnapshotFile(await temporaryFolder(t), 'state');
    const rendered: number[] = [];
    const save = (n: number) =>
      file.save(() => {
        rendered.push(n);
        return n;
      });
    await Promise.all([1, 2, 3, 4, 5].map(save));
    assert.deepEqual(await file.load(), { value: 5 });
    assert.ok(rendered.length < 5, `${rendered} were written`);
    await assert.rejects(file.save(() => 'x'.repeat(SNAPSHOT_MAX_BYTES)));
    await save(6);
    assert.deepEqual(await file.load(), { value: 6 });
  });

  it('rejects when the folder is not there', async (t) => {
    const file = new SnapshotFile(join(await temporaryFolder(t), 'none'), 'state');
    await assert.rejects(
      file.save(() => 1),
      { code: 'ENOENT' },
    );
  });

  it('replaces a temporary file that a killed process left', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'state.new'), 'half', { mode: 0o644 });
    const file = new SnapshotFile(folder, 'state');
    await file.save(() => 1);
    assert.equal((await stat(join(folder, 'state'))).mode & 0o777, 0o600);
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loadRootFile, replaceRootFile, storeRootFile } from './root-file.ts';

const block = (label: string, text: string) => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
const root = (name: string) => ({
  certificate: block('CERTIFICATE', name),
  privateKey: block('PRIVATE KEY', name),
});
const ROTATION = '{"phase":"Distributing"}';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-root-'));
  path = join(folder, 'ca.pem');
});
afterEach(() => rm(folder, { recursive: true }));

describe('the file of the roots', () => {
  const states = {
    alone: root('one'),
    'with the next': { ...root('one'), next: root('two'), rotation: ROTATION },
    'with the one before': { ...root('two'), previous: root('one').certificate, rotation: ROTATION },
  };
  for (const [name, roots] of Object.entries(states)) {
    it(`holds a root ${name}, for its owner only`, async () => {
      assert.deepEqual(await storeRootFile(path, roots), roots);
      assert.deepEqual(await loadRootFile(path), roots);
      assert.equal((await stat(path)).mode & 0o077, 0);
    });
  }

  it('is replaced as a whole, for its owner only', async () => {
    await storeRootFile(path, states['with the next']);
    await replaceRootFile(path, states['with the one before']);
    assert.deepEqual(await loadRootFile(path), states['with the one before']);
    assert.equal((await stat(path)).mode & 0o077, 0);
    assert.doesNotMatch(await readFile(path, 'utf8'), /next/);
  });

  it('of whoever comes second is not written', async () => {
    await storeRootFile(path, root('one'));
    assert.deepEqual(await storeRootFile(path, root('two')), root('one'));
  });

  it('without a root is refused, and without a file there is none', async () => {
    assert.equal(await loadRootFile(path), undefined);
    await writeFile(path, `# next root\n${root('two').certificate}`);
    await assert.rejects(loadRootFile(path), /holds no root/);
  });
});

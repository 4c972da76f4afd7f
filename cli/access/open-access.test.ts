import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { foundRunning } from './open-access.ts';
import { announce, type RunningMesh } from './running-mesh.ts';

describe('the mesh that is meant', () => {
  let base: string;
  let mesh: RunningMesh;
  let said: string[];
  const { XDG_RUNTIME_DIR, KUBECONFIG } = process.env;

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'weft-meant-'));
    process.env.XDG_RUNTIME_DIR = base;
    delete process.env.KUBECONFIG;
    const state = join(base, 'state');
    await mkdir(state);
    mesh = { pid: process.pid, startedMs: 5, folder: join(base, 'shop'), state };
    said = [];
    mock.method(console, 'error', (line: string) => said.push(line));
  });
  afterEach(async () => {
    mock.restoreAll();
    restore('XDG_RUNTIME_DIR', XDG_RUNTIME_DIR);
    restore('KUBECONFIG', KUBECONFIG);
    await rm(base, { recursive: true });
  });

  it('is the weft run that runs here, which is said', async () => {
    await announce(mesh, []);
    assert.deepEqual(await foundRunning({}), mesh);
    assert.deepEqual(said, [
      `weft: asking the mesh of weft run ${mesh.folder} (--context NAME asks a cluster)`,
    ]);
  });

  it('is the cluster of KUBECONFIG where that is set, which is said', async () => {
    await announce(mesh, []);
    process.env.KUBECONFIG = '/some/where';
    assert.equal(await foundRunning({}), undefined);
    assert.deepEqual(said, [
      `weft: asking the cluster of KUBECONFIG (--folder ${mesh.folder} asks the mesh of weft run)`,
    ]);
  });

  it('is a cluster without a word where a flag names it, or nothing else is there', async () => {
    assert.equal(await foundRunning({}), undefined);
    await announce(mesh, []);
    assert.equal(await foundRunning({ context: 'c' }), undefined);
    assert.equal(await foundRunning({ kubeconfig: 'f' }), undefined);
    assert.deepEqual(said, []);
  });

  it('is the weft run where KUBECONFIG is empty', async () => {
    await announce(mesh, []);
    process.env.KUBECONFIG = '';
    assert.deepEqual(await foundRunning({}), mesh);
  });
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

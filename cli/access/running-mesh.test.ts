import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { UsageError } from '../usage-error.ts';
import {
  announce,
  findRunningMesh,
  foldersOf,
  type RunningMesh,
  runningMeshOf,
  workloadsOf,
} from './running-mesh.ts';

describe('a mesh of weft run', () => {
  let base: string;
  let mesh: RunningMesh;
  const before = process.env.XDG_RUNTIME_DIR;
  const runs = () => join(base, `weft-runs-${userInfo().uid}`);

  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'weft-runs-test-'));
    process.env.XDG_RUNTIME_DIR = base;
    const state = join(base, 'state');
    await mkdir(state);
    mesh = { pid: process.pid, startedMs: 5, folder: join(base, 'shop'), state };
  });
  afterEach(async () => {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
    await rm(base, { recursive: true });
  });

  it('is found while it runs: as the newest, by its folder, by its state', async () => {
    const takeBack = await announce(mesh, []);
    assert.deepEqual(await findRunningMesh(), mesh);
    assert.deepEqual(await runningMeshOf(mesh.folder), mesh);
    assert.deepEqual(await runningMeshOf(mesh.state), mesh);
    assert.deepEqual(await foldersOf(mesh.state), { folder: mesh.folder, state: mesh.state });
    assert.deepEqual(await foldersOf(mesh.folder), { folder: mesh.folder, state: mesh.state });
    assert.deepEqual(await workloadsOf(mesh), []);
    await takeBack();
    assert.equal(await findRunningMesh(), undefined);
    await assert.rejects(runningMeshOf(mesh.folder), UsageError);
    assert.deepEqual(await foldersOf(mesh.folder), { folder: mesh.folder });
  });

  it('is told from others: the newest of those that still run', async () => {
    await announce(mesh, []);
    const other = { ...mesh, startedMs: 9, folder: '/elsewhere' };
    await writeFile(join(runs(), 'other.json'), JSON.stringify(other));
    // beyond what a process id can be
    await writeFile(join(runs(), 'dead.json'), JSON.stringify({ ...mesh, startedMs: 99, pid: 2 ** 30 }));
    assert.deepEqual(await findRunningMesh(), other);
    assert.deepEqual(await runningMeshOf(mesh.folder), mesh);
  });

  it('says how to start one of a folder that does not run', async () => {
    const wanted = { message: 'no mesh of shop runs here', hint: 'start it: weft run shop' };
    await assert.rejects(runningMeshOf('shop'), wanted);
  });

  it('is not believed from a folder that others could write to', async () => {
    await announce(mesh, []);
    await chmod(runs(), 0o777);
    assert.equal(await findRunningMesh(), undefined);
  });

  for (const text of ['', '{', 'null', '{"pid":-1}', '{"pid":"1","folder":"a","state":"b"}', '{"pid":1}']) {
    it(`is not found in ${JSON.stringify(text)}`, async () => {
      await mkdir(runs(), { mode: 0o700 });
      await writeFile(join(runs(), 'x.json'), text);
      assert.equal(await findRunningMesh(), undefined);
    });
  }
});

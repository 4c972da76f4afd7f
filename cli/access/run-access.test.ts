import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { WORKLOADS_FILE } from '../../api/analysis.ts';
import { RunAccess } from './run-access.ts';

const WORKLOAD = {
  metadata: { name: 'api', namespace: 'demo' },
  spec: { serviceAccount: 'api', service: 'api', ports: [{ port: 1, appPort: 2 }], admin: { port: 3 } },
};
const policy = (metadata: string, mode = 'Strict') =>
  `kind: MeshPolicy\nmetadata: ${metadata}\nspec: {inbound: {mtls: {mode: ${mode}}}}\n`;
const spec = { inbound: { mtls: { mode: 'Strict' } } };

describe('the mesh of a weft run', () => {
  let folder = '';
  let state = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-run-access-'));
    state = join(folder, 'state');
    await mkdir(join(state, 'status', 'demo'), { recursive: true });
    await writeFile(join(state, WORKLOADS_FILE), JSON.stringify([WORKLOAD]));
    const ledger = { 'demo/lock': { uid: 'u', generation: 4, spec } };
    await writeFile(join(state, 'policies.json'), JSON.stringify(ledger));
    const conditions = [{ type: 'InForce', status: 'True', reason: 'AllProxies', message: '' }];
    const status = JSON.stringify({ observedGeneration: 4, conditions });
    await writeFile(join(state, 'status', 'demo', 'lock.json'), status);
  });
  afterEach(() => rm(folder, { recursive: true }));
  const open = () => RunAccess.open({ pid: process.pid, startedMs: 0, folder, state });
  const write = (file: string, text: string) => writeFile(join(folder, file), text);

  for (const [what, text] of [
    ['no YAML', `${policy('{name: lock, namespace: demo}')}a: {`],
    ['too many aliases', `a: &a [${'x,'.repeat(200)}]\nb: [${'*a,'.repeat(200)}]\n`],
  ] as const) {
    it(`tells what it has while a file of its folder is ${what}, and says which`, async () => {
      await write('lock.yaml', text);
      const access = await open();
      assert.equal(access.namespace, 'demo');
      assert.deepEqual(
        (await access.policies(undefined)).map(({ name, generation, conditions }) => [
          name,
          generation,
          conditions.length,
        ]),
        [['lock', 4, 1]],
      );
      assert.equal((await access.policy('demo', 'lock'))?.uid, 'u');
      assert.equal((await access.proxies({ namespace: undefined })).length, 1);
      assert.equal(access.notes.length, 1);
      assert.ok(access.notes[0]!.startsWith(join(folder, 'lock.yaml')));
      assert.doesNotMatch(access.notes[0]!, /\n/);
    });
  }

  it('tells what it has when its folder is gone', async () => {
    const gone = { pid: process.pid, startedMs: 0, folder: join(folder, 'gone'), state };
    const access = await RunAccess.open(gone);
    assert.match(access.notes[0]!, /cannot be read/);
    assert.equal((await access.policy('demo', 'lock'))?.generation, 4);
  });

  it('has a policy without namespace in default, as the operator has it', async () => {
    await write('x.yaml', policy('{name: x}'));
    const found = (await (await open()).policies('default')).map(({ namespace, name }) => [namespace, name]);
    assert.deepEqual(found, [['default', 'x']]);
  });

  it('has one of two documents of a name, the first, and says that the other is left out', async () => {
    await write('a.yaml', policy('{name: lock, namespace: demo}'));
    await write('b.yaml', policy('{name: lock, namespace: demo}', 'Permissive'));
    const access = await open();
    const [only, ...others] = await access.policies(undefined);
    assert.deepEqual([only?.spec, others], [spec, []]);
    assert.match(access.notes.join(), /b\.yaml: MeshPolicy demo\/lock is left out/);
  });

  it('knows of a policy just edited, or just written, that it was not read yet', async () => {
    await write('a.yaml', policy('{name: lock, namespace: demo}', 'Permissive'));
    await write('b.yaml', policy('{name: young, namespace: demo}'));
    const found = (await (await open()).policies('demo')).map(({ name, generation }) => [name, generation]);
    assert.deepEqual(found, [
      ['lock', undefined],
      ['young', undefined],
    ]);
  });

  for (const text of ['', '1', '[]', 'kind: MeshPolicy', 'kind: MeshPolicy\nmetadata: {name: 1}']) {
    it(`passes over ${JSON.stringify(text)}`, async () => {
      await write('a.yaml', text);
      const access = await open();
      assert.deepEqual(access.notes, []);
      assert.equal((await access.policies(undefined)).length, 1);
    });
  }

  it('has no policy that nobody wrote', async () => {
    assert.equal(await (await open()).policy('demo', 'none'), undefined);
  });
});

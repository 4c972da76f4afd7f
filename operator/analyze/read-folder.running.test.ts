import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Question, WORKLOADS_FILE } from '../../api/analysis.ts';
import { answer } from './answer.ts';
import { readMesh } from './read-mesh.ts';

const WORKLOAD = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'Workload',
  metadata: { name: 'api', namespace: 'demo' },
  spec: { serviceAccount: 'api', service: 'api', ports: [{ port: 1, appPort: 2 }], admin: { port: 3 } },
};
const lock = (mode: string) =>
  `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: lock, namespace: demo}
spec: {inbound: {mtls: {mode: ${mode}}}}
`;
const STRICT = { inbound: { mtls: { mode: 'Strict' } } };
const MISTYPED = { inbound: { mtls: { mode: 'strict' } } };

describe('a folder whose weft run is running', () => {
  let folder = '';
  let state = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-analyze-run-'));
    state = join(folder, 'state');
    await mkdir(join(state, 'accepted', 'demo'), { recursive: true });
    await writeFile(join(folder, 'api.yaml'), JSON.stringify(WORKLOAD));
    await writeFile(join(state, WORKLOADS_FILE), JSON.stringify([WORKLOAD]));
    const accepted = { key: 'demo/lock', uid: 'u', generation: 4, spec: STRICT };
    await writeFile(join(state, 'accepted', 'demo', 'lock.json'), JSON.stringify(accepted));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const writeLedger = (generation: number, spec: unknown) => {
    const entry = { uid: 'u', generation, createdAt: '2026-01-01T00:00:00Z', spec };
    return writeFile(join(state, 'policies.json'), JSON.stringify({ 'demo/lock': entry }));
  };
  const ask = async (about: Question['about'], more: Partial<Question> = {}, isRunning = true) => {
    const settings = { controlPlaneNamespace: 'weft-system', trustDomain: 'cluster.local' };
    const mesh = { type: 'Folder', folder, ...settings, ...(isRunning && { state }) } as const;
    return answer({ mesh, ...more, about }, await readMesh(mesh), 0);
  };
  const explained = async (isRunning = true) => {
    const found = await ask({ type: 'Explain', subject: { type: 'Service', name: 'api' } }, {}, isRunning);
    assert.ok(found.type === 'Explanation');
    const values = found.explanation.proxies[0]?.values ?? [];
    const { value, origin } = values.find(({ path }) => path === 'inbound.mtls') ?? {};
    return { ...found.explanation, mtls: [value, origin?.generation] };
  };

  const CASES: [string, string, number, unknown][] = [
    ['mistyped', lock('strict'), 5, MISTYPED],
    ['mistyped and not seen by the operator yet', lock('strict'), 4, STRICT],
    ['no YAML any more', 'kind: {', 4, STRICT],
    ['of no known kind any more', lock('Strict').replace('MeshPolicy', 'MeshPolicies'), 4, STRICT],
  ];
  for (const [what, text, generation, spec] of CASES) {
    it(`has in force what was accepted of a policy that is ${what}`, async () => {
      await writeFile(join(folder, 'lock.yaml'), text);
      await writeLedger(generation, spec);
      const { mtls, invalid } = await explained();
      assert.deepEqual(mtls, ['Strict', 4]);
      assert.deepEqual(
        invalid?.map(({ file }) => file),
        [join(folder, 'lock.yaml')],
      );

      const gone = await ask({ type: 'Plan' }, { deletes: ['demo/lock'] });
      assert.ok(gone.type === 'Plan');
      assert.deepEqual(
        gone.plan.proxies.map(({ workloads, changes }) => [workloads, changes.map(({ path }) => path)]),
        [[['demo/api'], ['inbound.mtls']]],
      );
      assert.equal(gone.plan.invalid?.length, 1);

      const mended = await ask({ type: 'Plan' }, { documents: [{ file: 'l.yaml', text: lock('Strict') }] });
      assert.ok(mended.type === 'Plan');
      assert.notEqual(mended.plan.policies[0]?.action, 'Create');
    });
  }

  it('has check say which generation stays in force', async () => {
    await writeFile(join(folder, 'lock.yaml'), lock('strict'));
    await writeLedger(5, MISTYPED);
    const found = await ask({ type: 'Check' });
    assert.ok(found.type === 'Findings');
    const messages = found.findings.map(({ message }) => message).join('\n');
    assert.match(messages, /generation 4 stays in force/);
    assert.doesNotMatch(messages, /nothing of it is in force/);
  });

  it('has the workloads it was started with while their file is no YAML', async () => {
    await writeFile(join(folder, 'api.yaml'), 'kind: {');
    await writeFile(join(folder, 'lock.yaml'), lock('Strict'));
    await writeLedger(4, STRICT);
    assert.deepEqual((await explained()).mtls, ['Strict', 4]);
  });

  it('has no policy more whose document was removed', async () => {
    await writeLedger(4, STRICT);
    const { mtls, invalid } = await explained();
    assert.deepEqual(mtls, ['Permissive', undefined]);
    assert.equal(invalid, undefined);
  });

  it('has no accepted spec of another policy of the same name', async () => {
    await writeFile(join(folder, 'lock.yaml'), lock('strict'));
    await writeLedger(1, MISTYPED);
    const other = { key: 'demo/lock', uid: 'another', generation: 4, spec: STRICT };
    await writeFile(join(state, 'accepted', 'demo', 'lock.json'), JSON.stringify(other));
    assert.deepEqual((await explained()).mtls, ['Permissive', undefined]);
  });

  it('says of what it does not find that it may be in a document that is not valid', async () => {
    await writeFile(join(folder, 'api.yaml'), 'kind: {');
    await assert.rejects(explained(false), {
      message: /there is no Service/,
      hint: /it may be in what is not valid: .*api\.yaml:1: this is not YAML/,
    });
  });

  it('has nothing from before where none runs, and says what is not valid', async () => {
    await writeFile(join(folder, 'lock.yaml'), lock('strict'));
    await writeLedger(5, MISTYPED);
    const { mtls, invalid } = await explained(false);
    assert.deepEqual(mtls, ['Permissive', undefined]);
    assert.match(invalid?.[0]?.message ?? '', /spec\.inbound\.mtls\.mode/);
  });
});

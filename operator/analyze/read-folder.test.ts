import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AnalysisError } from './analysis-error.ts';
import { answer } from './answer.ts';
import { readMesh } from './read-mesh.ts';

const SETTINGS = { controlPlaneNamespace: 'weft-system', trustDomain: 'cluster.local' };

describe('a folder that is read once', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-analyze-'));
    const web = `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: web, namespace: shop}
spec: {serviceAccount: web, service: web, ports: [{port: 1, appPort: 2}], admin: {port: 3}}
`;
    const policy = `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: p, namespace: shop}
spec:
  target: {kind: Service, name: gone}
  inbound: {mtls: {mode: Strict}}
`;
    await writeFile(join(folder, 'a.yaml'), `${web}---\n${policy}`);
    await writeFile(join(folder, 'b.yaml'), 'kind: {');
  });
  after(() => rm(folder, { recursive: true }));
  const read = () => readMesh({ type: 'Folder', folder, ...SETTINGS });

  it('gives workloads, Services and policies, the namespace they share, and what is wrong', async () => {
    const { changes, namespace, problems } = await read();
    const kinds = changes.map(({ kind, key }) => `${kind} ${key}`);
    assert.deepEqual(kinds, [
      'Workload shop/web',
      'Service shop/web',
      'EndpointSlice shop/web',
      'Policy shop/p',
    ]);
    assert.equal(namespace, 'shop');
    assert.match(problems[0]!.message, /this is not YAML/);
  });

  it('gives findings the lines of the files', async () => {
    const mesh = { type: 'Folder', folder, ...SETTINGS } as const;
    const found = answer({ mesh, about: { type: 'Check' } }, await read(), 0);
    assert.ok(found.type === 'Findings');
    assert.deepEqual(
      found.findings.map(({ code, where: { file, line } }) => [code, file, line]),
      [
        ['DocumentInvalid', join(folder, 'b.yaml'), 1],
        ['TargetNotFound', join(folder, 'a.yaml'), 10],
      ],
    );
  });

  it('says of documents of other kinds that they were left out, with their lines', async () => {
    const mesh = { type: 'Folder', folder, ...SETTINGS } as const;
    const text = '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n';
    const documents = [{ file: 'd.yaml', text }];
    const found = answer({ mesh, documents, about: { type: 'Check' } }, await read(), 0);
    assert.ok(found.type === 'Findings');
    assert.deepEqual(
      found.findings.map(({ severity, code, where: { file, line } }) => [severity, code, file, line]),
      [['info', 'DocumentIgnored', 'd.yaml', 3]],
    );
  });

  it('answers of a file in it that is not there yet are about this file only', async () => {
    const mesh = { type: 'Folder', folder, ...SETTINGS } as const;
    const text = `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: q}
spec:
  egress:
    hosts:
      - host: a.example
        tls: Originate
`;
    const found = answer(
      { mesh, documents: [{ file: 'q.yaml', text }], about: { type: 'Check' } },
      await read(),
      0,
    );
    assert.ok(found.type === 'Findings');
    assert.deepEqual(
      found.findings.map(({ code, where: { name, file, line } }) => [code, name, file, line]),
      [['OriginateOnEveryPort', 'shop/q', 'q.yaml', 7]],
    );
  });

  it('is refused where there is none', async () => {
    await assert.rejects(
      readMesh({ type: 'Folder', folder: join(folder, 'none'), ...SETTINGS }),
      (error: Error) => error instanceof AnalysisError && error.usage,
    );
  });
});

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FakeClock } from '../kubernetes/testing/fake-clock.ts';
import type { Change, Policy, Workload } from '../mesh/model.ts';
import type { Platform, PolicyStatus, ProxyFiles } from '../platform.ts';
import { silentLog } from '../testing/stream-fixture.ts';
import { createFilesPlatform } from './files.ts';

const POLICY = `apiVersion: weft.dev/v1alpha1
kind: MeshPolicy
metadata: {name: strict, namespace: shop}
spec: {inbound: {mtls: {mode: Strict}}}
`;
const WORKLOAD = `apiVersion: weft.dev/v1alpha1
kind: Workload
metadata: {name: web, namespace: shop}
spec: {serviceAccount: web, service: web, ports: [{port: 18180, appPort: 18181}], admin: {port: 18182}}
`;
const FILES: ProxyFiles = { config: '{}', certificate: 'C', privateKey: 'K', trustBundle: 'T' };
const STATUS: PolicyStatus = {
  ...{ observedGeneration: 1, conditions: [], laggards: [] },
  proxies: { targeted: 0, inForce: 0, lagging: 0, refused: 0 },
};

class Fixture {
  folder = '';
  state = '';
  readonly clock = new FakeClock();
  readonly warnings: string[] = [];
  readonly world = new Map<string, Change['value']>();
  platform!: Platform;

  async create(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'weft-docs-'));
    this.state = join(await mkdtemp(join(tmpdir(), 'weft-state-')), 'state');
    await this.write('policy.yaml', POLICY);
    await this.write('workload.yaml', WORKLOAD);
    await this.start();
  }
  async start(): Promise<void> {
    const { folder, state: stateFolder, clock } = this;
    const warn = (_data: object, message: string) => void this.warnings.push(message);
    this.world.clear();
    this.platform = createFilesPlatform({ folder, stateFolder, clock, log: { ...silentLog, warn } });
    await this.platform.start((changes) => {
      for (const { kind, key, value } of changes) this.world.set(`${kind} ${key}`, value);
    });
  }
  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }
  get policy(): Policy {
    return this.world.get('Policy shop/strict') as Policy;
  }
  get workload(): Workload {
    return this.world.get('Workload shop/web') as Workload;
  }
  /** Looks at the folder until it is so. */
  async look(holds: () => boolean): Promise<void> {
    for (let count = 0; count < 100 && !holds(); count++) {
      await this.clock.advance(2_000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(holds(), `${holds}`);
  }
  exists(...path: string[]): Promise<boolean> {
    return readFile(join(this.state, ...path)).then(
      () => true,
      () => false,
    );
  }
  async gone(...path: string[]): Promise<void> {
    for (let count = 0; count < 100 && (await this.exists(...path)); count++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal(await this.exists(...path), false);
  }
  async remove(): Promise<void> {
    await this.platform.stop();
    await rm(this.folder, { recursive: true });
    await rm(join(this.state, '..'), { recursive: true });
  }
}

let fixture: Fixture;
beforeEach(async () => {
  fixture = new Fixture();
  await fixture.create();
});
afterEach(() => fixture.remove());

describe('the platform without Kubernetes', () => {
  it('leads, alone', () => {
    const { isLeader, identity, leader } = fixture.platform.leadership;
    assert.deepEqual([isLeader, identity, leader], [true, undefined, undefined]);
  });

  it('delivers Workloads with the Services and endpoints that they stand for', () => {
    assert.deepEqual([...fixture.world.keys()].sort(), [
      'EndpointSlice shop/web',
      'Policy shop/strict',
      'Service shop/web',
      'Workload shop/web',
    ]);
    assert.equal(fixture.workload.proxyId, 'shop-web');
    assert.equal(fixture.policy.generation, 1);
  });

  it('counts generations of a policy, over restarts too', async () => {
    const { uid } = fixture.policy;
    await fixture.write('policy.yaml', POLICY.replace('Strict', 'Permissive'));
    await fixture.look(() => fixture.policy.generation === 2);
    await fixture.platform.stop();
    await fixture.start();
    assert.deepEqual([fixture.policy.uid, fixture.policy.generation], [uid, 2]);
  });

  it('knows a policy again whose file was renamed', async () => {
    const { uid } = fixture.policy;
    await rename(join(fixture.folder, 'policy.yaml'), join(fixture.folder, 'a-policy.yaml'));
    await fixture.write('marker.yaml', WORKLOAD.replaceAll('web', 'marker'));
    await fixture.look(() => fixture.world.has('Workload shop/marker'));
    assert.deepEqual([fixture.policy.uid, fixture.policy.generation], [uid, 1]);
  });

  it('changes nothing when a file is no YAML any more, and says where', async () => {
    const { policy } = fixture;
    await fixture.write('policy.yaml', `${POLICY}  - [`);
    await fixture.look(() => fixture.warnings.length > 0);
    assert.match(fixture.warnings[0]!, /policy\.yaml:\d+: /);
    assert.deepEqual(fixture.policy, policy);
  });

  it('takes away what a removed file said, the status and the accepted spec of its policies too', async () => {
    const { key, uid, generation, spec } = fixture.policy;
    await fixture.platform.writeStatus(fixture.policy, STATUS);
    await fixture.platform.storeAccepted({ key, uid, generation, spec });
    assert.equal(await fixture.exists('status', 'shop', 'strict.json'), true);
    await rm(join(fixture.folder, 'policy.yaml'));
    await rm(join(fixture.folder, 'workload.yaml'));
    await fixture.look(() => fixture.policy === undefined && fixture.workload === undefined);
    for (const kind of ['Service', 'EndpointSlice'])
      assert.equal(fixture.world.get(`${kind} shop/web`), undefined);
    for (const kind of ['status', 'accepted']) await fixture.gone(kind, 'shop', 'strict.json');
    assert.deepEqual(fixture.warnings, ['policy shop/strict was removed: what it closed is open now']);
    await fixture.write('policy.yaml', POLICY);
    await fixture.look(() => fixture.policy !== undefined);
    assert.notEqual(fixture.policy.uid, uid);
  });

  it('delivers, at the next start, what was accepted', async () => {
    const { key, uid, spec } = fixture.policy;
    const revision = { key, uid, generation: 1, spec };
    await fixture.platform.storeAccepted(revision);
    assert.deepEqual(fixture.world.get('AcceptedRevision shop/strict'), revision);
    await fixture.platform.stop();
    await fixture.start();
    assert.deepEqual(fixture.world.get('AcceptedRevision shop/strict'), revision);
  });

  it('swaps a proxy’s files in one step, only when they differ, and leaves no old ones', async () => {
    const { platform, workload } = fixture;
    const folder = join(fixture.state, 'proxies', 'shop-web');
    assert.equal(await platform.readProxy(workload), undefined);
    await platform.writeProxy(workload, FILES);
    const first = await readlink(join(folder, '..data'));
    await platform.writeProxy(workload, { ...FILES });
    assert.equal(await readlink(join(folder, '..data')), first);
    await platform.writeProxy(workload, { ...FILES, certificate: 'D' });
    assert.notEqual(await readlink(join(folder, '..data')), first);
    assert.deepEqual(await platform.readProxy(workload), { ...FILES, certificate: 'D' });
    assert.equal((await readdir(folder)).includes(first), false);
    await platform.removeProxy(workload);
    assert.equal(await platform.readProxy(workload), undefined);
  });

  it('says of a policy that was removed while nobody looked that it was removed', async () => {
    await fixture.platform.writeStatus(fixture.policy, STATUS);
    await fixture.platform.stop();
    await rm(join(fixture.folder, 'policy.yaml'));
    await fixture.start();
    assert.deepEqual(fixture.warnings, ['policy shop/strict was removed: what it closed is open now']);
    await fixture.gone('status', 'shop', 'strict.json');
  });

  it('keeps apart what namespace and name make the same with a dash', async () => {
    const named = (namespace: string, name: string) =>
      POLICY.replace('name: strict, namespace: shop', `name: ${name}, namespace: ${namespace}`);
    await fixture.write('policy.yaml', `${named('a-b', 'c')}---\n${named('a', 'b-c')}`);
    await fixture.look(() => fixture.world.has('Policy a/b-c'));
    const policies = ['a-b/c', 'a/b-c'].map((key) => fixture.world.get(`Policy ${key}`) as Policy);
    for (const policy of policies) {
      await fixture.platform.writeStatus(policy, STATUS);
      await fixture.platform.storeAccepted({ ...policy, generation: 1 });
    }
    for (const kind of ['status', 'accepted']) {
      assert.equal(await fixture.exists(kind, 'a-b', 'c.json'), true);
      assert.equal(await fixture.exists(kind, 'a', 'b-c.json'), true);
    }
  });

  it('says that an edit of what is read at the start waits for a restart', async () => {
    await fixture.write('workload.yaml', WORKLOAD.replace('appPort: 18181', 'appPort: 18191'));
    await fixture.look(() => fixture.warnings.length > 0);
    const at = join(fixture.folder, 'workload.yaml');
    assert.deepEqual(fixture.warnings, [
      `${at}:1: spec.ports of Workload shop/web changed: restart to apply`,
    ]);
  });

  it('tells of policies’ events, and leaves the alarm to the status', async () => {
    const about = { kind: 'MeshPolicy', namespace: 'shop', name: 'strict', uid: 'u' } as const;
    await fixture.platform.recordEvent({ about, type: 'Warning', reason: 'Invalid', message: 'no' });
    assert.deepEqual(fixture.warnings, []);
    const pod = { ...about, kind: 'Pod', name: 'web' } as const;
    await fixture.platform.recordEvent({ about: pod, type: 'Warning', reason: 'Odd', message: 'it is odd' });
    assert.deepEqual(fixture.warnings, ['Workload shop/web: it is odd']);
  });

  it('keeps the first root', async () => {
    assert.equal(await fixture.platform.loadRoot(), undefined);
    const pem = (label: string, text: string) =>
      `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
    const material = (text: string) => ({
      certificate: pem('CERTIFICATE', text),
      privateKey: pem('PRIVATE KEY', text),
    });
    assert.deepEqual(await fixture.platform.createRoot(material('one')), material('one'));
    assert.deepEqual(await fixture.platform.createRoot(material('two')), material('one'));
    assert.deepEqual(await fixture.platform.loadRoot(), material('one'));
  });

  it('does not run on a root that it cannot read', async () => {
    await writeFile(join(fixture.state, 'ca.pem'), 'nonsense');
    await assert.rejects(fixture.platform.loadRoot(), /holds no root/);
  });
});

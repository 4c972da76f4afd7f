import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { KubernetesObject, SecretObject } from '../../operator/kubernetes/objects.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import type { AcceptedRevision, Policy } from '../../operator/mesh/model.ts';
import type { PolicyStatus } from '../../operator/platform.ts';
import { eventOn, FILES, OperatorCluster, picture } from './operator-cluster.fixture.ts';

describe('what the operator writes to a real API server', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
  });
  afterEach(() => cluster.stopPlatforms());
  after(() => cluster?.stop());
  const proxySecret = (id: string) => `/api/v1/namespaces/shop/secrets/weft-proxy-${id}`;

  test('writes the Secret of a proxy, owned by its pod, and not again when nothing changed', async () => {
    const platform = await cluster.startLeader();
    const workload = await cluster.meshedPod('owner', 'own1');
    assert.equal(await platform.readProxy(workload), undefined);
    await platform.writeProxy(workload, FILES);
    const first = await cluster.get<SecretObject>(proxySecret('own1'));
    assert.equal(first.type, 'weft.dev/proxy');
    assert.deepEqual(first.metadata?.ownerReferences, [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        name: 'owner',
        uid: workload.uid,
        controller: false,
        blockOwnerDeletion: false,
      },
    ]);
    assert.deepEqual(Object.keys(first.data ?? {}).sort(), ['ca.crt', 'config.json', 'tls.crt', 'tls.key']);
    assert.deepEqual(await platform.readProxy(workload), FILES);

    await platform.writeProxy(workload, { ...FILES });
    assert.equal(
      (await cluster.get<SecretObject>(proxySecret('own1'))).metadata?.resourceVersion,
      first.metadata?.resourceVersion,
    );

    await platform.writeProxy(workload, { ...FILES, config: '{"new":1}' });
    assert.equal((await platform.readProxy(workload))?.config, '{"new":1}');

    await platform.removeProxy(workload);
    assert.equal(await cluster.exists(proxySecret('own1')), false);
    await platform.removeProxy(workload);
  });

  test('writes the newest of many writes at the same time', async () => {
    const platform = await cluster.startLeader();
    const workload = await cluster.meshedPod('busy', 'busy1');
    const configs = Array.from({ length: 20 }, (_, index) => `{"n":${index}}`);
    await Promise.all(configs.map((config) => platform.writeProxy(workload, { ...FILES, config })));
    assert.equal((await platform.readProxy(workload))?.config, '{"n":19}');
  });

  for (const [what, secret] of Object.entries({
    'of another type': { type: 'Opaque', data: { password: 'aHVudGVy' } },
    'without an owner': { type: 'weft.dev/proxy', data: { 'tls.key': 'c3RvbGVu' } },
    'of another pod': {
      type: 'weft.dev/proxy',
      owner: { apiVersion: 'v1', kind: 'Pod', name: 'x', uid: '00000000-0000-0000-0000-000000000000' },
    },
  })) {
    test(`touches no Secret ${what}`, async () => {
      const platform = await cluster.startLeader();
      const id = what.replaceAll(' ', '');
      const workload = await cluster.meshedPod(`victim-${id}`, id);
      const { owner, ...rest } = { owner: undefined, ...secret };
      const metadata = { name: `weft-proxy-${id}`, ownerReferences: owner ? [owner] : [] };
      const before = await cluster.create<SecretObject>('/api/v1/namespaces/shop/secrets', {
        metadata,
        ...rest,
      });
      await assert.rejects(platform.writeProxy(workload, FILES), { name: 'ForeignSecretError' });
      assert.equal(await platform.readProxy(workload), undefined);
      await platform.removeProxy(workload);
      assert.deepEqual(await cluster.get(proxySecret(id)), before);
    });
  }

  test('is quiet about namespaces that are going or gone', async () => {
    const platform = await cluster.startLeader();
    await cluster.create('/api/v1/namespaces', { metadata: { name: 'going' } });
    const workload = await cluster.meshedPod('last', 'last1', 'going');
    // Without a controller manager the namespace stays in its last phase.
    await cluster.admin.request('DELETE', '/api/v1/namespaces/going');
    await platform.writeProxy(workload, FILES);
    await platform.recordEvent(eventOn(workload));
    assert.equal(await cluster.exists('/api/v1/namespaces/going/secrets/weft-proxy-last1'), false);
    await platform.writeProxy({ ...workload, namespace: 'never-was' }, FILES);
  });

  test('writes statuses that differ, keeps transition times, and leaves other policies of the name alone', async () => {
    const { world, apply } = picture();
    const platform = await cluster.startLeader(apply);
    await cluster.createPolicy('status');
    const path = '/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies/status';
    await until('the policy', () => world.has('Policy shop/status'));
    const policy = world.get('Policy shop/status') as Policy;
    await platform.writeStatus(policy, statusAt('2026-01-01T00:00:00Z', 1));
    const first = await cluster.get<KubernetesObject & { status: PolicyStatus }>(path);
    assert.equal(first.status.proxies.inForce, 1);
    assert.equal(first.metadata?.generation, 1);

    await platform.writeStatus(policy, statusAt('2026-02-02T00:00:00Z', 1));
    const second = await cluster.get<KubernetesObject & { status: PolicyStatus }>(path);
    assert.equal(second.metadata?.resourceVersion, first.metadata?.resourceVersion);

    await platform.writeStatus(policy, statusAt('2026-03-03T00:00:00Z', 2));
    const third = await cluster.get<KubernetesObject & { status: PolicyStatus }>(path);
    assert.equal(third.status.proxies.inForce, 2);
    assert.equal(third.status.conditions[0]?.lastTransitionTime, '2026-01-01T00:00:00Z');

    await cluster.admin.request('DELETE', path);
    await platform.writeStatus(policy, statusAt('2026-04-04T00:00:00Z', 3));
    await cluster.createPolicy('status');
    await platform.writeStatus(policy, statusAt('2026-05-05T00:00:00Z', 4));
    assert.equal((await cluster.get<{ status?: PolicyStatus }>(path)).status, undefined);
  });

  test('stores the accepted spec of a policy, newest last, and finds it after a restart', async () => {
    const { world, apply } = picture();
    const platform = await cluster.startLeader(apply);
    const object = await cluster.createPolicy('accepted');
    const uid = object.metadata?.uid ?? '';
    const revision = (generation: number, mode: 'Strict' | 'Permissive'): AcceptedRevision => ({
      key: 'shop/accepted',
      uid,
      generation,
      spec: { inbound: { mtls: { mode } } },
    });
    const seen = () => world.get('AcceptedRevision shop/accepted') as AcceptedRevision | undefined;
    await platform.storeAccepted(revision(1, 'Strict'));
    await platform.storeAccepted(revision(1, 'Strict'));
    await until('the first', () => seen()?.generation === 1);
    await platform.storeAccepted(revision(2, 'Permissive'));
    await until('the second', () => seen()?.generation === 2);
    await platform.storeAccepted(revision(1, 'Strict'));
    const list = await cluster.get<{ items: (KubernetesObject & { revision: number; data: unknown })[] }>(
      '/apis/apps/v1/namespaces/shop/controllerrevisions',
    );
    const mine = list.items.filter(({ metadata }) => metadata?.labels?.['weft.dev/accepted-policy'] === uid);
    assert.deepEqual(
      mine.map((item) => [item.revision, item.data]),
      [[2, { inbound: { mtls: { mode: 'Permissive' } } }]],
    );
    assert.equal(mine[0]?.metadata?.ownerReferences?.[0]?.uid, uid);

    const again = picture();
    await cluster.startPlatform('another', again.apply);
    assert.deepEqual(again.world.get('AcceptedRevision shop/accepted'), revision(2, 'Permissive'));
  });

  test('records an event once and counts what repeats', async () => {
    const platform = cluster.makePlatform('a');
    const workload = await cluster.meshedPod('eventful', 'ev1');
    await platform.recordEvent(eventOn(workload));
    await platform.recordEvent(eventOn(workload));
    const another = cluster.makePlatform('b');
    await another.recordEvent(eventOn(workload));
    const list = await cluster.get<{ items: { reason: string; involvedObject: { uid: string } }[] }>(
      '/api/v1/namespaces/shop/events',
    );
    const mine = list.items.filter(({ involvedObject }) => involvedObject.uid === workload.uid);
    assert.deepEqual(
      mine.map(({ reason }) => reason),
      ['DuplicateProxy'],
    );
  });
});

function statusAt(lastTransitionTime: string, inForce: number): PolicyStatus {
  const condition = { status: 'True', reason: 'Accepted', message: '', observedGeneration: 1 } as const;
  return {
    observedGeneration: 1,
    conditions: [{ type: 'Accepted', lastTransitionTime, ...condition }],
    proxies: { targeted: 3, inForce, lagging: 0, refused: 0 },
    laggards: [],
  };
}

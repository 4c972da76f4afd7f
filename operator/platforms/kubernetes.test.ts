import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ObjectMeta } from '../kubernetes/objects.ts';
import {
  type Answer,
  events,
  json,
  list,
  ScriptedApi,
  silentLog,
  status,
} from '../kubernetes/testing/scripted-api.ts';
import { until } from '../kubernetes/testing/until.ts';
import type { Change, Workload } from '../mesh/model.ts';
import { createKubernetesPlatform, type KubernetesPlatform } from './kubernetes.ts';

describe('createKubernetesPlatform', () => {
  let api: ScriptedApi;
  let platform: KubernetesPlatform;

  beforeEach(async () => {
    api = await ScriptedApi.start();
    api.watches(events());
    platform = createKubernetesPlatform({
      kubeConfig: api.kubeConfig,
      controlPlaneNamespace: 'weft-system',
      identity: 'a',
      log: silentLog,
      random: () => 0.01,
    });
  });
  afterEach(async () => {
    await platform.stop();
    await api.stop();
  });
  const leaseRequests = () => api.seen.filter(({ path }) => path.includes('/leases'));

  it('does not try to lead before it has seen everything', async () => {
    const pods = Promise.withResolvers<void>();
    const answer: Answer = (response, request) => {
      if (request.path.endsWith('/pods')) void pods.promise.then(() => list('1', [])(response, request));
      else if (request.path.includes('/leases')) json({}, 404)(response, request);
      else list('1', [])(response, request);
    };
    api.requests(answer);
    const starting = platform.start(() => {});
    await until('all but the pods', () => api.watched.length === 5);
    assert.equal(leaseRequests().length, 0);
    pods.resolve();
    await starting;
    await until('the lease', () => leaseRequests().length > 0);
  });

  it('has its Lease go with the service account that the release brought', async () => {
    const username = 'system:serviceaccount:weft-system:weft-operator';
    api.requests((response, request) => {
      const asksWho = request.path.endsWith('/selfsubjectreviews');
      if (asksWho) json({ status: { userInfo: { username, uid: 'u1' } } })(response, request);
      else if (request.path.includes('/leases/')) json({}, 404)(response, request);
      else list('1', [])(response, request);
    });
    await platform.start(() => {});
    await until('the Lease', () => leaseRequests().some(({ method }) => method === 'POST'));
    const { body } = leaseRequests().find(({ method }) => method === 'POST')!;
    const { ownerReferences } = (body as { metadata: ObjectMeta }).metadata;
    assert.deepEqual(
      ownerReferences?.map(({ kind, name, uid }) => [kind, name, uid]),
      [['ServiceAccount', 'weft-operator', 'u1']],
    );
  });

  it('reads the objects of its watches, and only those with its label where that is said', async () => {
    api.requests(list('1', []));
    await platform.start(() => {});
    await until('all watches', () => api.watched.length === 6);
    const asked = api.watched.map(({ path, query }) => `${path} ${query.get('labelSelector') ?? ''}`.trim());
    assert.deepEqual(asked.sort(), [
      '/api/v1/pods',
      '/api/v1/services',
      '/apis/apps/v1/controllerrevisions weft.dev/accepted-policy',
      '/apis/discovery.k8s.io/v1/endpointslices',
      '/apis/gateway.networking.k8s.io/v1beta1/referencegrants',
      '/apis/weft.dev/v1alpha1/meshpolicies',
    ]);
  });

  it('starts where the Gateway API is not installed', async () => {
    api.requests((response, request) =>
      (request.path.includes('/referencegrants') ? status(404, 'NotFound') : list('1', []))(
        response,
        request,
      ),
    );
    await platform.start(() => {});
    await until('the other watches', () => api.watched.length === 5);
  });

  it('counts an object that cannot be read as absent, and goes on with the others', async () => {
    const changes: Change[] = [];
    const strange = {
      metadata: { namespace: 'a', name: 'x', uid: 'u', resourceVersion: '1' },
      spec: { volumes: 7 },
    };
    const plain = { metadata: { namespace: 'a', name: 'y', uid: 'v', resourceVersion: '1' } };
    api.requests((response, request) =>
      list('1', request.path.endsWith('/pods') ? [strange, plain] : [])(response, request),
    );
    await platform.start((delivered) => changes.push(...delivered));
    const pods = changes.filter(({ kind }) => kind === 'Workload');
    assert.deepEqual(
      pods.map(({ key, value }) => [key, value !== undefined]),
      [
        ['a/x', false],
        ['a/y', true],
      ],
    );
  });

  it('says that it did not start when it is stopped before', async () => {
    api.requests(status(503));
    const starting = assert.rejects(
      platform.start(() => {}),
      /stopped/,
    );
    await until('a list', () => api.lists.length > 0);
    await platform.stop();
    await starting;
  });

  it('waits for an API server that is away before it says whether there is a root', async () => {
    api.requests(status(503), status(500), status(429), status(404, 'NotFound'));
    assert.equal(await platform.loadRoot(), undefined);
    assert.equal(api.seen.length, 4);
  });

  it('never takes a root without key for none at all', async () => {
    api.requests(json({ data: { 'tls.crt': 'eA==' } }));
    await assert.rejects(platform.loadRoot(), /weft-ca/);
  });

  it('writes nothing while it does not lead', async () => {
    const workload = { key: 'shop/web', namespace: 'shop', name: 'web', uid: 'u', proxyId: 'a' } as Workload;
    const files = { config: '{}', certificate: 'C', privateKey: 'K', trustBundle: 'T' };
    await assert.rejects(platform.writeProxy(workload, files), { name: 'NotLeaderError' });
    await assert.rejects(platform.removeProxy(workload), { name: 'NotLeaderError' });
    assert.equal(api.seen.length, 0);
  });

  it('forgets an event that cannot be written', async () => {
    api.requests(status(403));
    const about = { kind: 'Pod', namespace: 'shop', name: 'web', uid: 'u' } as const;
    await platform.recordEvent({ about, type: 'Normal', reason: 'R', message: '' });
    assert.equal(api.seen.length, 1);
  });
});

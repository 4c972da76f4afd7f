import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { KubeClient } from '../access/kube-client.ts';
import type { KubernetesAccess } from '../access/kubernetes-access.ts';
import { ClusterPorts } from './cluster-ports.ts';
import { kubePod, pod } from './pod.fixture.ts';
import { pullOn } from './pull.ts';

type Answers = Readonly<Record<string, (body: unknown) => readonly [number, object]>>;

/** An API server that knows these questions, `METHOD /path`, without their queries. */
async function cluster(t: TestContext, answers: Answers) {
  const asked: { what: string; type: string | undefined; body: unknown }[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const what = `${request.method} ${decodeURIComponent(request.url!)}`;
      const body = text === '' ? undefined : JSON.parse(text);
      asked.push({ what, type: request.headers['content-type'], body });
      const known = Object.entries(answers).find(([each]) => what.split('?')[0]!.startsWith(each));
      const [status, said] = known?.[1](body) ?? [404, { message: 'not found' }];
      response.writeHead(status).end(JSON.stringify(said));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const config = new KubeConfig();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  config.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u' });
  const client = new KubeClient(config);
  return { asked, client, ports: new ClusterPorts({ client } as KubernetesAccess) };
}
const list = (...items: object[]) => [200, { items, metadata: {} }] as const;

describe('the pods of a cluster', () => {
  it('are listed in one namespace or in all, by label', async (t) => {
    const { asked, ports } = await cluster(t, {
      'GET /api/v1/pods': () => list(kubePod('a')),
      'GET /api/v1/namespaces/shop/pods': () => list({ ...kubePod('b'), spec: {} }),
    });
    assert.deepEqual(await ports.pods(undefined, undefined), [pod('a')]);
    assert.deepEqual(await ports.pods('shop', 'app=web'), []);
    assert.match(asked[1]!.what, /labelSelector=weft\.dev\/injected=true,app=web/);
  });

  it('get another image for the sidecar alone, and only as long as they are the same pods', async (t) => {
    const { asked, ports } = await cluster(t, { 'PATCH /api/v1/namespaces/shop/pods/a': () => [200, {}] });
    await ports.setImage(pod('a'), 'weft:2', true);
    await ports.setImage(pod('a'), 'weft:2', false);
    assert.deepEqual(
      asked.map(({ what }) => what),
      ['PATCH /api/v1/namespaces/shop/pods/a?dryRun=All', 'PATCH /api/v1/namespaces/shop/pods/a'],
    );
    assert.equal(asked[0]!.type, 'application/strategic-merge-patch+json');
    assert.deepEqual(asked[0]!.body, {
      metadata: { uid: 'uid-a' },
      spec: { initContainers: [{ name: 'weft-sidecar', image: 'weft:2' }] },
    });
  });

  it('are not changed without permission, and where all rights stand is said beside the first', async (t) => {
    const { ports } = await cluster(t, { PATCH: () => [403, { message: 'pods "a" is forbidden' }] });
    await assert.rejects(
      ports.setImage(pod('a'), 'weft:2', true),
      /^Error: not permitted: pods "a" is forbidden; all that each command needs stands in docs\/reference\/cli\.md, "Rights in a cluster"$/,
    );
  });

  it('are left alone when another of the same name has come meanwhile', async (t) => {
    const other = { ...kubePod('a'), metadata: { ...kubePod('a').metadata, uid: 'later' } };
    const { ports } = await cluster(t, {
      PATCH: () => [
        409,
        { message: 'Precondition failed: UID in precondition: uid-a, UID in object meta: later' },
      ],
      'GET /api/v1/namespaces/shop/pods/a': () => [200, other],
      'GET /api/v1/namespaces/shop/pods/b': () => [200, kubePod('b')],
    });
    for (const dryRun of [true, false]) {
      await ports.setImage(pod('a'), 'weft:2', dryRun);
      await assert.rejects(ports.setImage(pod('b'), 'weft:2', dryRun), /answered 409/);
    }
  });

  it('are gone when another of the same name is there', async (t) => {
    const other = { ...kubePod('a'), metadata: { ...kubePod('a').metadata, uid: 'later' } };
    const { ports } = await cluster(t, {
      'GET /api/v1/namespaces/shop/pods/a': () => [200, other],
      'GET /api/v1/namespaces/shop/pods/b': () => [200, kubePod('b')],
    });
    assert.equal(await ports.look(pod('a')), undefined);
    assert.deepEqual(await ports.look(pod('b')), pod('b'));
    assert.equal(await ports.look(pod('c')), undefined);
  });

  it('get by default what the injector puts into new ones', async (t) => {
    const containers = [{ env: [{ name: 'WEFT_IMAGE', value: 'weft:2' }] }];
    const spec = { containers, imagePullSecrets: [{ name: 'registry' }] };
    const { ports } = await cluster(t, {
      'GET /apis/apps/v1/namespaces/weft-system/deployments': () => list({ spec: { template: { spec } } }),
      'GET /apis/apps/v1/namespaces/empty/deployments': () => list(),
    });
    const found = await ports.injected('weft-system');
    assert.deepEqual(found, { image: 'weft:2', pullSecrets: [{ name: 'registry' }] });
    await assert.rejects(ports.injected('empty'), /no injector is in empty/);
  });
});

describe('the image of the next sidecar', () => {
  const POD = '/api/v1/namespaces/weft-system/pods';
  const pull = async (t: TestContext, status: object, timeoutMs = 5_000) => {
    const { asked, client } = await cluster(t, {
      [`POST ${POD}`]: (body) => [201, body as object],
      [`GET ${POD}/weft-pull-`]: () => [200, { status }],
      [`DELETE ${POD}/weft-pull-`]: () => [200, {}],
    });
    const options = {
      image: 'weft:2',
      pullSecrets: [{ name: 'registry' }],
      namespace: 'weft-system',
      timeoutMs,
    };
    const failure = await pullOn('n1', options, client).catch((error: Error) => error.message);
    return { failure, asked };
  };

  it('is pulled on a node by a pod that has no rights and goes again', async (t) => {
    const { failure, asked } = await pull(t, { phase: 'Succeeded' });
    assert.equal(failure, undefined);
    const { spec } = asked[0]!.body as { spec: Record<string, unknown> };
    assert.deepEqual(
      [spec.nodeName, spec.automountServiceAccountToken, spec.imagePullSecrets],
      ['n1', false, [{ name: 'registry' }]],
    );
    assert.match(asked.at(-1)!.what, /^DELETE .*gracePeriodSeconds=0$/);
  });

  it('is refused in the words of the kubelet, and the pod goes all the same', async (t) => {
    const waiting = { reason: 'ErrImagePull', message: 'no such image' };
    for (const [status, words] of [
      [{ phase: 'Pending', containerStatuses: [{ state: { waiting } }] }, /n1: ErrImagePull: no such image$/],
      [{ phase: 'Failed' }, /^weft:2 does not run on the node n1/],
      [{ phase: 'Pending' }, /^weft:2 was not pulled on the node n1 in time/],
    ] as const) {
      const { failure, asked } = await pull(t, status, 300);
      assert.match(failure!, words);
      assert.match(asked.at(-1)!.what, /^DELETE /);
    }
  });
});

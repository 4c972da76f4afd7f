import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, afterEach, before, describe, test } from 'node:test';
import { Authority, createRoot } from '../../operator/identity/authority.ts';
import { ApiClient } from '../../operator/kubernetes/api-client.ts';
import type { SecretObject } from '../../operator/kubernetes/objects.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import type { Policy, Workload } from '../../operator/mesh/model.ts';
import { FILES, LEASE, NAMESPACE, OperatorCluster, picture } from './operator-cluster.fixture.ts';

describe('the operator on a real API server, with no more rights than its table says', () => {
  let cluster: OperatorCluster;
  before(async () => {
    cluster = await OperatorCluster.start();
  });
  afterEach(() => cluster.stopPlatforms());
  after(() => cluster?.stop());

  test('brings in what exists, what is created, changed and deleted, across a restart of the API server', async () => {
    const { world, apply } = picture();
    await cluster.meshedPod('early', 'abc');
    await cluster.create('/api/v1/namespaces/shop/services', {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, appProtocol: 'http' }] },
    });
    await cluster.create('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], targetRef: { kind: 'Pod', namespace: 'shop', name: 'early' } }],
      ports: [{ name: 'http', port: 8080 }],
    });
    const policy = await cluster.createPolicy('early');
    await cluster.startPlatform('a', apply);
    const early = world.get('Workload shop/early') as Workload;
    assert.equal(early.proxyId, 'abc');
    assert.equal(early.serviceAccount, 'web');
    assert.deepEqual((world.get('Policy shop/early') as Policy).spec, {
      inbound: { mtls: { mode: 'Strict' } },
    });
    assert.equal((world.get('Policy shop/early') as Policy).uid, policy.metadata?.uid);
    assert.equal(world.has('Service shop/web'), true);
    assert.equal(world.has('EndpointSlice shop/web-1'), true);

    await cluster.createPod('late');
    await until('late appears', () => world.has('Workload shop/late'));
    await cluster.admin.request('PATCH', '/api/v1/namespaces/shop/pods/late', {
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { app: 'renamed' } } },
    });
    await until('late changes', () => (world.get('Workload shop/late') as Workload).app === 'renamed');

    await cluster.server.stopApiServer();
    await cluster.server.startApiServer();
    await cluster.deletePod('late');
    await cluster.createPod('after-restart');
    await until('the new pod appears', () => world.has('Workload shop/after-restart'), 60_000);
    await until('the old one goes', () => !world.has('Workload shop/late'), 60_000);
  });

  test('lets one of two candidates lead, and the other write nothing until it takes over', async () => {
    const first = await cluster.startPlatform('first');
    await until('the first leads', () => first.leadership.isLeader);
    const second = await cluster.startPlatform('second');
    const workload = await cluster.meshedPod('contested', 'cont1');
    await new Promise((resolve) => setTimeout(resolve, 3 * LEASE.retryMs));
    assert.equal(second.leadership.isLeader, false);
    await assert.rejects(second.writeProxy(workload, FILES), { name: 'NotLeaderError' });

    await first.stop();
    assert.equal(first.leadership.isLeader, false);
    await until('the second takes over', () => second.leadership.isLeader);
    await second.writeProxy(workload, FILES);
    const lease = await cluster.get<{ spec: { holderIdentity: string; renewTime: string } }>(
      `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/weft-operator`,
    );
    assert.equal(lease.spec.holderIdentity, 'second');
    assert.match(lease.spec.renewTime, /\.\d{6}Z$/);
  });

  test('stops leading while the API server is away, and leads again when it is back', async () => {
    const platform = await cluster.startLeader();
    const heard: boolean[] = [];
    platform.leadership.onChange((isLeader) => heard.push(isLeader));
    await cluster.server.stopApiServer();
    await until('leadership is lost', () => !platform.leadership.isLeader);
    await cluster.server.startApiServer();
    await until('leadership is back', () => platform.leadership.isLeader, 30_000);
    assert.deepEqual(heard, [false, true]);
  });

  test('gives several operators that create a root at the same time the same one', async () => {
    const candidates = ['a', 'b', 'c'].map((identity) => cluster.makePlatform(identity));
    assert.equal(await candidates[0]!.loadRoot(), undefined);
    const roots = await Promise.all(
      candidates.map(async (platform) => platform.createRoot(await createRoot('cluster.local', Date.now()))),
    );
    assert.equal(new Set(roots.map((root) => root.privateKey)).size, 1);
    assert.deepEqual(await cluster.makePlatform('d').loadRoot(), roots[0]);
  });

  test('knows the holder of a token bound to a pod and made for it, and no other', async () => {
    const platform = cluster.makePlatform('a');
    const pod = await cluster.createPod('caller');
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'caller', uid: pod.metadata?.uid };
    const token = await cluster.requestToken('shop/web', { audiences: ['weft'], boundObjectRef });
    assert.deepEqual(await platform.reviewToken(token), {
      namespace: 'shop',
      serviceAccount: 'web',
      pod: 'caller',
      podUid: pod.metadata?.uid,
    });
    const forAnother = await cluster.requestToken('shop/web', { audiences: ['vault'], boundObjectRef });
    const forTheApiServer = await cluster.requestToken('shop/web', { boundObjectRef });
    const unbound = await cluster.requestToken('shop/web', { audiences: ['weft'] });
    const [head, claims] = token.split('.');
    for (const bad of [
      forAnother,
      forTheApiServer,
      unbound,
      `${head}.${claims}.AAAA`,
      'no token',
      '',
      'a.b.c',
    ]) {
      assert.equal(await platform.reviewToken(bad), undefined);
    }
    const bound = { audiences: ['weft'], boundObjectRef };
    const unseen = await Promise.all(
      Array.from({ length: 50 }, () => cluster.requestToken('shop/web', bound)),
    );
    await cluster.deletePod('caller');
    // The API server hears of it a moment later, and remembers its answer to a token it was asked about.
    const isRefused = async () => (await platform.reviewToken(unseen.pop() ?? '')) === undefined;
    await until('the pod’s tokens die with it', isRefused);
    assert.ok(unseen.length > 0);
  });

  test('keeps the injector’s certificate, the caBundle of its webhooks and the trust bundle right', async () => {
    const authority = await Authority.load(await createRoot('cluster.local', Date.now()));
    const webhooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
    const webhook = (name: string) => ({
      name,
      clientConfig: { service: { name: 'weft-injector', namespace: NAMESPACE, path: '/inject' } },
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      namespaceSelector: { matchLabels: { never: 'matches' } },
    });
    await cluster.create(webhooks, {
      metadata: { name: 'weft-injector' },
      webhooks: [webhook('pod.weft.dev'), webhook('namespace.weft.dev')],
    });
    const platform = await cluster.startLeader();
    platform.manageInjector(authority);
    const secretPath = `/api/v1/namespaces/${NAMESPACE}/secrets/weft-injector-tls`;
    await until('the serving certificate', () => cluster.exists(secretPath));

    const secret = await cluster.get<SecretObject>(secretPath);
    const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
    const leaf = new X509Certificate(text('tls.crt'));
    assert.equal(leaf.checkHost(`weft-injector.${NAMESPACE}.svc`), `weft-injector.${NAMESPACE}.svc`);
    assert.equal(leaf.verify(new X509Certificate(authority.trustBundle).publicKey), true);
    assert.match(text('tls.key'), /PRIVATE KEY/);
    const bundles = await cluster.get<{ data: Record<string, string> }>(
      `/api/v1/namespaces/${NAMESPACE}/configmaps/weft-trust-bundle`,
    );
    assert.equal(bundles.data['ca.crt'], authority.trustBundle);
    const configuration = await cluster.get<{
      webhooks: { name: string; clientConfig: { caBundle: string }; namespaceSelector: object }[];
    }>(`${webhooks}/weft-injector`);
    const caBundle = Buffer.from(authority.trustBundle).toString('base64');
    assert.deepEqual(
      configuration.webhooks.map((entry) => [entry.name, entry.clientConfig.caBundle]),
      [
        ['pod.weft.dev', caBundle],
        ['namespace.weft.dev', caBundle],
      ],
    );
    assert.deepEqual(configuration.webhooks[0]?.namespaceSelector, { matchLabels: { never: 'matches' } });
  });

  for (const [verb, resource, namespace] of [
    ['list', 'secrets', ''],
    ['watch', 'secrets', ''],
    ['list', 'secrets', NAMESPACE],
    ['deletecollection', 'secrets', ''],
    ['create', 'pods', ''],
    ['update', 'pods', 'shop'],
    ['get', 'configmaps', 'shop'],
  ] as const) {
    test(`may not ${verb} ${resource} ${namespace ? `in ${namespace}` : 'everywhere'}`, async () => {
      const operator = new ApiClient(cluster.operatorConfig);
      const body = { spec: { resourceAttributes: { verb, resource, namespace } } };
      const review = await operator.request<{ status: { allowed: boolean } }>(
        'POST',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        { body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', ...body } },
      );
      operator.close();
      assert.equal(review.status.allowed, false);
    });
  }
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { Authority, createRoot } from '../../operator/identity/authority.ts';
import { ApiClient } from '../../operator/kubernetes/api-client.ts';
import type { Log } from '../../operator/kubernetes/log.ts';
import type { KubernetesObject, SecretObject } from '../../operator/kubernetes/objects.ts';
import { PERMISSIONS, type Permission } from '../../operator/kubernetes/permissions.ts';
import { until } from '../../operator/kubernetes/testing/until.ts';
import type { AcceptedRevision, Change, Policy, Workload } from '../../operator/mesh/model.ts';
import type { PolicyStatus, ProxyFiles } from '../../operator/platform.ts';
import { createKubernetesPlatform, type KubernetesPlatform } from '../../operator/platforms/kubernetes.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';

const CRD_FILE = join(import.meta.dirname, '../../crds/weft.dev_meshpolicies.yaml');
const NAMESPACE = 'weft-system';
const LEASE = { durationMs: 3_000, renewDeadlineMs: 2_000, retryMs: 300 };
const FILES: ProxyFiles = { config: '{}', certificate: 'C', privateKey: 'K', trustBundle: 'T' };

const log: Log = { debug() {}, info() {}, warn() {}, error: (data, message) => console.error(message, data) };

describe('the operator on a real API server, with no more rights than its table says', () => {
  let server: ApiServer;
  let admin: ApiClient;
  let operatorConfig: KubeConfig;
  const platforms: KubernetesPlatform[] = [];

  before(async () => {
    server = await startApiServer();
    admin = new ApiClient(configFrom(server));
    await create(
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      parse(readFileSync(CRD_FILE, 'utf8')),
    );
    for (const name of [NAMESPACE, 'shop', 'bank'])
      await create('/api/v1/namespaces', { metadata: { name } });
    await create(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: 'weft-operator' } });
    await create('/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'web' } });
    await grant('cluster');
    await grant('controlPlane');
    operatorConfig = configFrom(server, await operatorToken());
    await until('the CRD is served', () => exists('/apis/weft.dev/v1alpha1/meshpolicies'));
  });
  afterEach(async () => {
    await Promise.all(platforms.splice(0).map((platform) => platform.stop()));
  });
  after(async () => {
    admin?.close();
    await server?.stop();
  });

  const create = <T extends KubernetesObject>(path: string, body: object) =>
    admin.request<T>('POST', path, { body });
  const get = <T = Record<string, never>>(path: string) => admin.request<T>('GET', path);
  const exists = (path: string) =>
    get(path).then(
      () => true,
      () => false,
    );
  const createPod = (name: string, spec: object = {}, namespace = 'shop') =>
    create<KubernetesObject>(`/api/v1/namespaces/${namespace}/pods`, {
      metadata: { name },
      spec: { containers: [{ name: 'app', image: 'none' }], serviceAccountName: 'web', ...spec },
    });
  const createPolicy = (name: string, mode = 'Strict') =>
    create<KubernetesObject>('/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies', {
      apiVersion: 'weft.dev/v1alpha1',
      kind: 'MeshPolicy',
      metadata: { name },
      spec: { inbound: { mtls: { mode } } },
    });

  async function grant(scope: Permission['scope']): Promise<void> {
    const rules = PERMISSIONS.filter((permission) => permission.scope === scope).map((permission) => ({
      apiGroups: [permission.apiGroup],
      resources: [permission.resource],
      verbs: permission.verbs,
      resourceNames: permission.resourceNames,
    }));
    const [prefix, kind] = scope === 'cluster' ? ['', 'ClusterRole'] : [`/namespaces/${NAMESPACE}`, 'Role'];
    const base = `/apis/rbac.authorization.k8s.io/v1${prefix}/${kind.toLowerCase()}`;
    const metadata = { name: 'weft-operator' };
    await create(`${base}s`, { metadata, rules });
    await create(`${base}bindings`, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: 'weft-operator' },
      subjects: [{ kind: 'ServiceAccount', name: 'weft-operator', namespace: NAMESPACE }],
    });
  }

  async function requestToken(account: string, spec: object): Promise<string> {
    const [namespace, name] = account.split('/');
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    const answer = await admin.request<{ status: { token: string } }>('POST', path, { body: request });
    return answer.status.token;
  }
  const operatorToken = () => requestToken(`${NAMESPACE}/weft-operator`, { expirationSeconds: 3600 });

  async function startPlatform(identity = 'a', apply: (changes: readonly Change[]) => void = () => {}) {
    const platform = makePlatform(identity);
    await platform.start(apply);
    return platform;
  }
  function makePlatform(identity: string): KubernetesPlatform {
    const platform = createKubernetesPlatform({
      kubeConfig: operatorConfig,
      controlPlaneNamespace: NAMESPACE,
      identity,
      log,
      leaseTimings: LEASE,
    });
    platforms.push(platform);
    return platform;
  }
  async function startLeader(apply?: (changes: readonly Change[]) => void) {
    const platform = await startPlatform('leader', apply);
    await until('leadership', () => platform.leadership.isLeader);
    return platform;
  }
  /** The model as the changes say, by kind and key. */
  function picture() {
    const world = new Map<string, Change['value']>();
    const apply = (changes: readonly Change[]) => {
      for (const { kind, key, value } of changes) {
        if (value === undefined) world.delete(`${kind} ${key}`);
        else world.set(`${kind} ${key}`, value);
      }
    };
    return { world, apply };
  }
  async function meshedPod(name: string, proxyId: string, namespace = 'shop'): Promise<Workload> {
    const volumes = [{ name: 'weft-proxy', secret: { secretName: `weft-proxy-${proxyId}`, optional: true } }];
    const pod = await createPod(name, { volumes }, namespace);
    return { key: `${namespace}/${name}`, namespace, name, uid: pod.metadata?.uid, proxyId } as Workload;
  }
  const proxySecret = (id: string) => `/api/v1/namespaces/shop/secrets/weft-proxy-${id}`;

  test('brings in what exists, what is created, changed and deleted, across a restart of the API server', async () => {
    const { world, apply } = picture();
    await meshedPod('early', 'abc');
    await create('/api/v1/namespaces/shop/services', {
      metadata: { name: 'web' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, appProtocol: 'http' }] },
    });
    await create('/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices', {
      metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.1.2.3'], targetRef: { kind: 'Pod', namespace: 'shop', name: 'early' } }],
      ports: [{ name: 'http', port: 8080 }],
    });
    const policy = await createPolicy('early');
    await startPlatform('a', apply);
    const early = world.get('Workload shop/early') as Workload;
    assert.equal(early.proxyId, 'abc');
    assert.equal(early.serviceAccount, 'web');
    assert.deepEqual((world.get('Policy shop/early') as Policy).spec, {
      inbound: { mtls: { mode: 'Strict' } },
    });
    assert.equal((world.get('Policy shop/early') as Policy).uid, policy.metadata?.uid);
    assert.equal(world.has('Service shop/web'), true);
    assert.equal(world.has('EndpointSlice shop/web-1'), true);

    await createPod('late');
    await until('late appears', () => world.has('Workload shop/late'));
    await admin.request('PATCH', '/api/v1/namespaces/shop/pods/late', {
      contentType: 'application/merge-patch+json',
      body: { metadata: { labels: { app: 'renamed' } } },
    });
    await until('late changes', () => (world.get('Workload shop/late') as Workload).app === 'renamed');

    await server.stopApiServer();
    await server.startApiServer();
    await admin.request('DELETE', '/api/v1/namespaces/shop/pods/late', {
      query: { gracePeriodSeconds: '0' },
    });
    await createPod('after-restart');
    await until('the new pod appears', () => world.has('Workload shop/after-restart'), 60_000);
    await until('the old one goes', () => !world.has('Workload shop/late'), 60_000);
  });

  test('writes the Secret of a proxy, owned by its pod, and not again when nothing changed', async () => {
    const platform = await startLeader();
    const workload = await meshedPod('owner', 'own1');
    assert.equal(await platform.readProxy(workload), undefined);
    await platform.writeProxy(workload, FILES);
    const first = await get<SecretObject>(proxySecret('own1'));
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
      (await get<SecretObject>(proxySecret('own1'))).metadata?.resourceVersion,
      first.metadata?.resourceVersion,
    );

    await platform.writeProxy(workload, { ...FILES, config: '{"new":1}' });
    assert.equal((await platform.readProxy(workload))?.config, '{"new":1}');

    await platform.removeProxy(workload);
    assert.equal(await exists(proxySecret('own1')), false);
    await platform.removeProxy(workload);
  });

  test('writes the newest of many writes at the same time', async () => {
    const platform = await startLeader();
    const workload = await meshedPod('busy', 'busy1');
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
      const platform = await startLeader();
      const id = what.replaceAll(' ', '');
      const workload = await meshedPod(`victim-${id}`, id);
      const { owner, ...rest } = { owner: undefined, ...secret };
      const metadata = { name: `weft-proxy-${id}`, ownerReferences: owner ? [owner] : [] };
      const before = await create<SecretObject>('/api/v1/namespaces/shop/secrets', { metadata, ...rest });
      await assert.rejects(platform.writeProxy(workload, FILES), { name: 'ForeignSecretError' });
      assert.equal(await platform.readProxy(workload), undefined);
      await platform.removeProxy(workload);
      assert.deepEqual(await get(proxySecret(id)), before);
    });
  }

  test('is quiet about namespaces that are going or gone', async () => {
    const platform = await startLeader();
    await create('/api/v1/namespaces', { metadata: { name: 'going' } });
    const workload = await meshedPod('last', 'last1', 'going');
    // Without a controller manager the namespace stays in its last phase.
    await admin.request('DELETE', '/api/v1/namespaces/going');
    await platform.writeProxy(workload, FILES);
    await platform.recordEvent(eventOn(workload));
    assert.equal(await exists('/api/v1/namespaces/going/secrets/weft-proxy-last1'), false);
    await platform.writeProxy({ ...workload, namespace: 'never-was' }, FILES);
  });

  test('lets one of two candidates lead, and the other write nothing until it takes over', async () => {
    const first = await startPlatform('first');
    await until('the first leads', () => first.leadership.isLeader);
    const second = await startPlatform('second');
    const workload = await meshedPod('contested', 'cont1');
    await new Promise((resolve) => setTimeout(resolve, 3 * LEASE.retryMs));
    assert.equal(second.leadership.isLeader, false);
    await assert.rejects(second.writeProxy(workload, FILES), { name: 'NotLeaderError' });

    await first.stop();
    assert.equal(first.leadership.isLeader, false);
    await until('the second takes over', () => second.leadership.isLeader);
    await second.writeProxy(workload, FILES);
    const lease = await get<{ spec: { holderIdentity: string; renewTime: string } }>(
      `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases/weft-operator`,
    );
    assert.equal(lease.spec.holderIdentity, 'second');
    assert.match(lease.spec.renewTime, /\.\d{6}Z$/);
  });

  test('stops leading while the API server is away, and leads again when it is back', async () => {
    const platform = await startLeader();
    const heard: boolean[] = [];
    platform.leadership.onChange((isLeader) => heard.push(isLeader));
    await server.stopApiServer();
    await until('leadership is lost', () => !platform.leadership.isLeader);
    await server.startApiServer();
    await until('leadership is back', () => platform.leadership.isLeader, 30_000);
    assert.deepEqual(heard, [false, true]);
  });

  test('writes statuses that differ, keeps transition times, and leaves other policies of the name alone', async () => {
    const { world, apply } = picture();
    const platform = await startLeader(apply);
    await createPolicy('status');
    const path = '/apis/weft.dev/v1alpha1/namespaces/shop/meshpolicies/status';
    await until('the policy', () => world.has('Policy shop/status'));
    const policy = world.get('Policy shop/status') as Policy;
    await platform.writeStatus(policy, statusAt('2026-01-01T00:00:00Z', 1));
    const first = await get<KubernetesObject & { status: PolicyStatus }>(path);
    assert.equal(first.status.proxies.inForce, 1);
    assert.equal(first.metadata?.generation, 1);

    await platform.writeStatus(policy, statusAt('2026-02-02T00:00:00Z', 1));
    const second = await get<KubernetesObject & { status: PolicyStatus }>(path);
    assert.equal(second.metadata?.resourceVersion, first.metadata?.resourceVersion);

    await platform.writeStatus(policy, statusAt('2026-03-03T00:00:00Z', 2));
    const third = await get<KubernetesObject & { status: PolicyStatus }>(path);
    assert.equal(third.status.proxies.inForce, 2);
    assert.equal(third.status.conditions[0]?.lastTransitionTime, '2026-01-01T00:00:00Z');

    await admin.request('DELETE', path);
    await platform.writeStatus(policy, statusAt('2026-04-04T00:00:00Z', 3));
    await createPolicy('status');
    await platform.writeStatus(policy, statusAt('2026-05-05T00:00:00Z', 4));
    assert.equal((await get<{ status?: PolicyStatus }>(path)).status, undefined);
  });

  test('stores the accepted spec of a policy, newest last, and finds it after a restart', async () => {
    const { world, apply } = picture();
    const platform = await startLeader(apply);
    const object = await createPolicy('accepted');
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
    const list = await get<{ items: (KubernetesObject & { revision: number; data: unknown })[] }>(
      '/apis/apps/v1/namespaces/shop/controllerrevisions',
    );
    const mine = list.items.filter(({ metadata }) => metadata?.labels?.['weft.dev/accepted-policy'] === uid);
    assert.deepEqual(
      mine.map((item) => [item.revision, item.data]),
      [[2, { inbound: { mtls: { mode: 'Permissive' } } }]],
    );
    assert.equal(mine[0]?.metadata?.ownerReferences?.[0]?.uid, uid);

    const again = picture();
    await startPlatform('another', again.apply);
    assert.deepEqual(again.world.get('AcceptedRevision shop/accepted'), revision(2, 'Permissive'));
  });

  test('gives several operators that create a root at the same time the same one', async () => {
    const candidates = ['a', 'b', 'c'].map(makePlatform);
    assert.equal(await candidates[0]!.loadRoot(), undefined);
    const roots = await Promise.all(
      candidates.map(async (platform) => platform.createRoot(await createRoot('cluster.local', Date.now()))),
    );
    assert.equal(new Set(roots.map((root) => root.privateKey)).size, 1);
    assert.deepEqual(await makePlatform('d').loadRoot(), roots[0]);
  });

  test('knows the holder of a token bound to a pod and made for it, and no other', async () => {
    const platform = makePlatform('a');
    const pod = await createPod('caller');
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'caller', uid: pod.metadata?.uid };
    const token = await requestToken('shop/web', { audiences: ['weft'], boundObjectRef });
    assert.deepEqual(await platform.reviewToken(token), {
      namespace: 'shop',
      serviceAccount: 'web',
      pod: 'caller',
      podUid: pod.metadata?.uid,
    });
    const forAnother = await requestToken('shop/web', { audiences: ['vault'], boundObjectRef });
    const forTheApiServer = await requestToken('shop/web', { boundObjectRef });
    const unbound = await requestToken('shop/web', { audiences: ['weft'] });
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
    const unseen = await Promise.all(Array.from({ length: 50 }, () => requestToken('shop/web', bound)));
    await admin.request('DELETE', '/api/v1/namespaces/shop/pods/caller', {
      query: { gracePeriodSeconds: '0' },
    });
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
    await create(webhooks, {
      metadata: { name: 'weft-injector' },
      webhooks: [webhook('pod.weft.dev'), webhook('namespace.weft.dev')],
    });
    const platform = await startLeader();
    platform.manageInjector(authority);
    const secretPath = `/api/v1/namespaces/${NAMESPACE}/secrets/weft-injector-tls`;
    await until('the serving certificate', () => exists(secretPath));

    const secret = await get<SecretObject>(secretPath);
    const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
    const leaf = new X509Certificate(text('tls.crt'));
    assert.equal(leaf.checkHost(`weft-injector.${NAMESPACE}.svc`), `weft-injector.${NAMESPACE}.svc`);
    assert.equal(leaf.verify(new X509Certificate(authority.trustBundle).publicKey), true);
    assert.match(text('tls.key'), /PRIVATE KEY/);
    const bundles = await get<{ data: Record<string, string> }>(
      `/api/v1/namespaces/${NAMESPACE}/configmaps/weft-trust-bundle`,
    );
    assert.equal(bundles.data['ca.crt'], authority.trustBundle);
    const configuration = await get<{
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

  test('records an event once and counts what repeats', async () => {
    const platform = makePlatform('a');
    const workload = await meshedPod('eventful', 'ev1');
    await platform.recordEvent(eventOn(workload));
    await platform.recordEvent(eventOn(workload));
    const another = makePlatform('b');
    await another.recordEvent(eventOn(workload));
    const list = await get<{ items: { reason: string; involvedObject: { uid: string } }[] }>(
      '/api/v1/namespaces/shop/events',
    );
    const mine = list.items.filter(({ involvedObject }) => involvedObject.uid === workload.uid);
    assert.deepEqual(
      mine.map(({ reason }) => reason),
      ['DuplicateProxy'],
    );
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
      const operator = new ApiClient(operatorConfig);
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

function configFrom(server: ApiServer, token?: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(server.kubeconfig);
  if (token === undefined) return config;
  const operator = new KubeConfig();
  operator.loadFromClusterAndUser(config.getCurrentCluster()!, { name: 'operator', token });
  return operator;
}

function statusAt(lastTransitionTime: string, inForce: number): PolicyStatus {
  const condition = { status: 'True', reason: 'Accepted', message: '', observedGeneration: 1 } as const;
  return {
    observedGeneration: 1,
    conditions: [{ type: 'Accepted', lastTransitionTime, ...condition }],
    proxies: { targeted: 3, inForce, lagging: 0, refused: 0 },
    laggards: [],
  };
}

function eventOn({ namespace, name, uid }: Workload) {
  const about = { kind: 'Pod', namespace, name, uid } as const;
  return { about, type: 'Warning', reason: 'DuplicateProxy', message: 'the proxy id is taken' } as const;
}

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  AdmissionregistrationV1Api,
  ApiException,
  CoreV1Api,
  KubeConfig,
  type V1Pod,
} from '@kubernetes/client-node';
import { selfSigned } from '../../injector/certificate.fixture.ts';
import type { Injector } from '../../injector/injector.ts';
import { type ApiServer, startApiServer } from './apiserver.ts';
import { startInjector } from './injector.fixture.ts';
import {
  createWebhook,
  NAMESPACE,
  NEVER_SERVED,
  OTHER_LABEL,
  probed,
  startOtherWebhook,
} from './webhooks.fixture.ts';

describe('injection through a real API server', () => {
  let cluster: ApiServer;
  let injector: Injector;
  let directory: string;
  let core: CoreV1Api;
  let admission: AdmissionregistrationV1Api;
  let certificate: { cert: string; key: string };
  let other: Server;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-injector-'));
    certificate = await selfSigned();
    await writeFile(join(directory, 'tls.crt'), certificate.cert);
    await writeFile(join(directory, 'tls.key'), certificate.key);
    await writeFile(join(directory, 'ca.crt'), certificate.cert);
    injector = await startInjector(directory);
    // With the controllers, so that service accounts are what they are in a cluster.
    cluster = await startApiServer({ controllerManager: true });
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromString(cluster.kubeconfig);
    core = kubeconfig.makeApiClient(CoreV1Api);
    admission = kubeconfig.makeApiClient(AdmissionregistrationV1Api);
    await createNamespaces(core);
    other = await startOtherWebhook(certificate);
    const ports = { up: injector.port!, other: (other.address() as AddressInfo).port };
    await createWebhook(admission, ports, certificate.cert);
    await untilInForce(core);
  });
  after(async () => {
    await cluster?.stop();
    await injector?.stop();
    other?.closeAllConnections();
    other?.close();
    await rm(directory, { recursive: true, force: true });
  });

  const create = (pod: object, dryRun?: 'All', namespace = NAMESPACE): Promise<V1Pod> =>
    core.createNamespacedPod({ namespace, body: pod as V1Pod, ...(dryRun && { dryRun }) });

  it('stores a pod with sidecar, volumes and probes as the API server accepts them', async () => {
    const pod = await create(
      podNamed('full', {
        containers: [
          {
            name: 'app',
            image: 'app:1',
            ports: [{ name: 'web', containerPort: 8080 }],
            livenessProbe: { httpGet: { path: '/live', port: 'web' }, periodSeconds: 7 },
            readinessProbe: { tcpSocket: { port: 8080 } },
            startupProbe: { exec: { command: ['true'] } },
            lifecycle: { preStop: { httpGet: { path: '/bye', port: 'web' } } },
          },
        ],
        initContainers: [{ name: 'migrate', image: 'app:1' }],
        automountServiceAccountToken: false,
      }),
    );
    assert.deepEqual(
      pod.spec!.initContainers!.map(({ name, restartPolicy }) => [name, restartPolicy]),
      [
        ['weft-init', undefined],
        ['weft-sidecar', 'Always'],
        ['migrate', undefined],
      ],
    );
    const id = pod.metadata!.annotations!['weft.dev/proxy'];
    const secret = pod.spec!.volumes!.find(({ name }) => name === 'weft-proxy')?.secret;
    assert.equal(secret?.secretName, `weft-proxy-${id}`);
    assert.equal(secret?.optional, true);
    const [app] = pod.spec!.containers;
    const token = app!.livenessProbe!.httpGet!.path!.split('/')[3]!;
    assert.match(token, /^[0-9a-f]{32}$/);
    const path = (kind: string) => ({
      path: `/weft/probe/${token}/app/${kind}`,
      port: 15020,
      scheme: 'HTTP',
    });
    assert.deepEqual({ ...app!.livenessProbe!.httpGet }, path('liveness'));
    assert.equal(app!.livenessProbe!.periodSeconds, 7);
    assert.deepEqual({ ...app!.readinessProbe!.httpGet }, path('readiness'));
    assert.equal(app!.readinessProbe!.tcpSocket, undefined);
    assert.deepEqual(app!.startupProbe!.exec!.command, ['true']);
    assert.deepEqual({ ...app!.lifecycle!.preStop!.httpGet }, path('preStop'));
    assert.equal(app!.volumeMounts, undefined);
  });

  it('gives pods of a controller’s kind, without a name yet, an id each', async () => {
    const template = { metadata: { generateName: 'web-', namespace: NAMESPACE }, spec: podNamed('x').spec };
    const pods = [await create(template), await create(template)];
    const ids = pods.map((pod) => pod.metadata!.annotations!['weft.dev/proxy']);
    assert.equal(new Set(ids).size, 2);
  });

  it('gives a pod copied from an injected one an id of its own, and one sidecar', async () => {
    const original = await create(podNamed('original', { containers: [probed] }));
    const { name: _, uid: __, resourceVersion: ___, ...metadata } = original.metadata!;
    const copy = await create({ metadata: { ...metadata, name: 'copy' }, spec: original.spec! });
    const ids = [original, copy].map((pod) => pod.metadata!.annotations!['weft.dev/proxy']);
    assert.notEqual(ids[0], ids[1]);
    assert.ok(!JSON.stringify(copy.spec).includes(ids[0]!));
    assert.equal(copy.spec!.initContainers!.length, 2);
    assert.equal(copy.spec!.volumes!.length, original.spec!.volumes!.length);
    const probes = (pod: V1Pod) =>
      pod.spec!.initContainers![1]!.env!.find(({ name }) => name === 'WEFT_PROBES')!.value;
    const tokens = [original, copy].map(
      (pod) => pod.spec!.containers[0]!.livenessProbe!.httpGet!.path!.split('/')[3]!,
    );
    assert.notEqual(tokens[0], tokens[1]);
    assert.ok(!JSON.stringify(copy.spec).includes(tokens[0]!));
    assert.equal(probes(copy), probes(original)!.replaceAll(tokens[0]!, tokens[1]!));
    assert.match(probes(copy)!, /"port":8080/);
  });

  it('is first again after another webhook put something before it', async () => {
    const containers = [probed];
    const pod = await create(podNamed('reinvoked', { containers }, { labels: OTHER_LABEL }));
    assert.deepEqual(
      pod.spec!.initContainers!.map(({ name }) => name),
      ['weft-init', 'weft-sidecar', 'intruder'],
    );
    const id = pod.metadata!.annotations!['weft.dev/proxy'];
    const { env } = pod.spec!.initContainers![1]!;
    const value = (wanted: string) => env!.find(({ name }) => name === wanted)!.value;
    assert.equal(value('WEFT_PROXY_ID'), id);
    const keys = Object.keys(JSON.parse(value('WEFT_PROBES')!));
    const token = keys[0]!.split('/')[0]!;
    assert.match(token, /^[0-9a-f]{32}$/);
    assert.ok(keys.every((key) => key.startsWith(`${token}/`)));
    assert.deepEqual(keys.map((key) => key.slice(token.length + 1)).sort(), [
      'app/liveness',
      'app/readiness',
      'intruder/liveness',
      'intruder/readiness',
    ]);
    const secrets = pod.spec!.volumes!.flatMap(({ secret }) => secret?.secretName ?? []);
    assert.deepEqual(secrets, [`weft-proxy-${id}`]);
  });

  it('injects in a dry run and stores nothing', async () => {
    const pod = await create(podNamed('dry'), 'All');
    assert.equal(pod.spec!.initContainers!.length, 2);
    await assert.rejects(core.readNamespacedPod({ name: 'dry', namespace: NAMESPACE }), { code: 404 });
  });

  it('lets a pod with hostNetwork pass as it is', async () => {
    const pod = await create(podNamed('host', { hostNetwork: true }));
    assert.equal(pod.spec!.initContainers, undefined);
    assert.equal(pod.metadata!.annotations?.['weft.dev/proxy'], undefined);
  });

  it('does not change a pod that is updated', async () => {
    const pod = await create(podNamed('updated'));
    const id = pod.metadata!.annotations!['weft.dev/proxy'];
    pod.metadata!.labels = { updated: 'yes' };
    const updated = await core.replaceNamespacedPod({ name: 'updated', namespace: NAMESPACE, body: pod });
    assert.equal(updated.metadata!.annotations!['weft.dev/proxy'], id);
    assert.deepEqual(updated.spec!.initContainers, pod.spec!.initContainers);
  });

  it('shows the author why a pod is refused', async () => {
    const securityContext = { runAsUser: 15015 };
    assert.match(
      await rejection(create(podNamed('proxyuser', { securityContext }))),
      /denied the request: weft: container app runs as user 15015/,
    );
    const annotations = { 'weft.dev/cpu-request': 'lots' };
    assert.match(
      await rejection(create(podNamed('cpu', {}, { annotations }))),
      /weft.dev\/cpu-request: "lots" is not an amount of CPU; write as in 100m/,
    );
  });

  it('leaves a missing service account to the API server', async () => {
    assert.match(
      await rejection(create(podNamed('orphan', { serviceAccountName: 'missing' }))),
      /service account .*missing.* not found/,
    );
  });

  it('lets the API server name the webhook when nobody answers', async () => {
    assert.match(
      await rejection(create(podNamed('unserved'), undefined, NEVER_SERVED)),
      /failed calling webhook "down.injector.weft.dev".*connection refused/,
    );
  });
});

function podNamed(name: string, spec: object = {}, metadata: object = {}): V1Pod {
  const containers = [{ name: 'app', image: 'app:1' }];
  return { metadata: { name, ...metadata }, spec: { containers, ...spec } };
}

async function createNamespaces(core: CoreV1Api): Promise<void> {
  for (const name of [NAMESPACE, NEVER_SERVED]) {
    await core.createNamespace({ body: { metadata: { name } } });
    await until('a default service account', () =>
      core.readNamespacedServiceAccount({ name: 'default', namespace: name }).then(
        () => true,
        () => false,
      ),
    );
  }
}

/** The API server learns of webhooks by watching; until then it takes pods as they come. */
async function untilInForce(core: CoreV1Api): Promise<void> {
  const tryOut = (namespace: string) =>
    core.createNamespacedPod({ namespace, body: podNamed('try'), dryRun: 'All' });
  await until('a webhook that is called', async () => {
    const unserved = tryOut(NEVER_SERVED).then(
      () => false,
      () => true,
    );
    return (await tryOut(NAMESPACE)).spec?.initContainers !== undefined && (await unserved);
  });
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await condition()) return;
    await delay(100);
  }
  assert.fail(`never: ${what}`);
}

/** The message of the Status with which the API server refuses. */
async function rejection(creation: Promise<V1Pod>): Promise<string> {
  try {
    await creation;
  } catch (error) {
    if (error instanceof ApiException) return JSON.parse(String(error.body)).message;
    throw error;
  }
  return assert.fail('it was accepted');
}

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SECRET_TYPE, WEBHOOK_CONFIGURATION } from '../../api/names.ts';
import { ChartCluster } from './chart-cluster.ts';
import { environmentOf } from './environment.ts';
import { chartDirectory, HELMS, type KubernetesObject, NAMESPACE, type Values } from './helm.ts';
import { OperatorProcess } from './operator-process.ts';

const OPERATOR = `system:serviceaccount:${NAMESPACE}:weft-operator`;
/** Ignore: there is nobody behind the webhook here, and what the API server does about that is the point. */
const VALUES: Values = {
  injector: { failurePolicy: 'Ignore', timeoutSeconds: 1 },
  networkPolicy: { enabled: true },
};
const ENTRIES = ['namespaces', 'pods', 'pod-security'].map((name) => `${name}.injector.weft.dev`);
const CA_BUNDLE = Buffer.from('a bundle').toString('base64');

describe('the chart in a real API server', () => {
  let cluster: ChartCluster;
  before(async () => {
    cluster = await ChartCluster.start();
    for (const name of [NAMESPACE, 'shop', 'elsewhere']) await apply(namespace(name));
    await apply(namespace('shop', { 'weft.dev/inject': 'enabled' }));
    // Their controller does not run here.
    for (const name of ['shop', 'elsewhere']) await apply(serviceAccount(name));
  });
  after(() => cluster?.stop());

  const apply = (object: KubernetesObject) => cluster.apply(object);
  const ok = (args: readonly string[]) => cluster.ok(args);
  const get = (...args: string[]) => cluster.get(...args);
  const refusal = (object: KubernetesObject, as?: string) => cluster.refusal(object, as);
  const caBundles = async () =>
    (await get('mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION)).webhooks.map(
      (entry: KubernetesObject) => entry.clientConfig.caBundle,
    );
  const eventually = (object: KubernetesObject, as: string | undefined, says: RegExp) =>
    cluster.eventually(() => refusal(object, as), says);

  for (const version of HELMS) {
    // In order: each test continues where the one before ended.
    describe(`with ${version}`, () => {
      it('is accepted, every object of it', async () => {
        assert.match(await cluster.release(version, ['install', 'weft', chartDirectory], VALUES), /Next:/);
        assert.deepEqual(
          await caBundles(),
          ENTRIES.map(() => undefined),
        );
        const established = ['--for=condition=Established', '--timeout=30s'];
        await ok(['wait', 'crd/meshpolicies.weft.dev', ...established]);
        await apply(policy);
      });

      it('lets the operator write the Secrets of proxies, and no other', async () => {
        await eventually(secret('shop', 'database', 'Opaque'), OPERATOR, /writes only Secrets named/);
        await eventually(secret('shop', 'weft-proxy-1', 'Opaque'), OPERATOR, /writes only Secrets/);
        await eventually(secret('shop', 'proxy-1', SECRET_TYPE), OPERATOR, /writes only Secrets/);
        await eventually(secret('shop', 'weft-ca', 'Opaque'), OPERATOR, /writes only Secrets/);
        await eventually(secret(NAMESPACE, 'other', 'Opaque'), OPERATOR, /writes only Secrets/);
        assert.equal(await refusal(secret('shop', 'weft-proxy-1', SECRET_TYPE), OPERATOR), '');
        assert.equal(await refusal(secret(NAMESPACE, 'weft-ca', 'kubernetes.io/tls'), OPERATOR), '');
        assert.equal(
          await refusal(secret(NAMESPACE, 'weft-injector-tls', 'kubernetes.io/tls'), OPERATOR),
          '',
        );
        assert.equal(await refusal(secret('shop', 'database', 'Opaque')), '', 'others are not concerned');
      });

      it('keeps the operator from deleting the Secrets of others, and the root', async () => {
        const foreign: [string, string][] = [
          ['shop', 'database'],
          [NAMESPACE, 'weft-ca'],
        ];
        for (const [where, name] of foreign) {
          await apply(secret(where, name, 'Opaque'));
          const { stderr, code } = await cluster.kubectl([
            'delete',
            'secret',
            name,
            '-n',
            where,
            '--as',
            OPERATOR,
          ]);
          assert.notEqual(code, 0);
          assert.match(stderr, /writes only Secrets/);
          await ok(['delete', 'secret', name, '-n', where]);
        }
      });

      it('gives the operator no right to list Secrets, and the injector none at all', async () => {
        const injector = `system:serviceaccount:${NAMESPACE}:weft-injector`;
        for (const [user, verb, what] of [
          [OPERATOR, 'list', 'secrets'],
          [OPERATOR, 'watch', 'secrets'],
          [OPERATOR, 'create', 'pods'],
          [injector, 'get', 'pods'],
          [injector, 'get', 'secrets'],
        ] as const) {
          const { stdout } = await cluster.kubectl(['auth', 'can-i', verb, what, '-A', '--as', user]);
          assert.equal(stdout.trim(), 'no', `${user} may ${verb} ${what}`);
        }
      });

      it('refuses a pod that should have a sidecar and has none', async () => {
        await eventually(pod('shop'), undefined, /should have a Weft sidecar/);
        await eventually(pod('elsewhere', 'enabled'), undefined, /should have a Weft sidecar/);
        const pretender = pod('shop', undefined, { initContainers: [container('weft-sidecar')] });
        await eventually(pretender, undefined, /should have a Weft sidecar/);
      });

      it('admits pods with a sidecar, pods that opted out, and pods that cannot have one', async () => {
        const sidecar = { ...container('weft-sidecar'), restartPolicy: 'Always' };
        assert.equal(await refusal(pod('shop', undefined, { initContainers: [sidecar] })), '');
        assert.equal(await refusal(pod('shop', 'disabled')), '');
        assert.equal(await refusal(pod('elsewhere')), '');
        assert.equal(await refusal(pod('shop', undefined, { hostNetwork: true })), '');
        assert.equal(await refusal(pod('shop', undefined, { os: { name: 'windows' } })), '');
      });

      it('gives the operator what it needs to make root, certificate, bundle and caBundle', async () => {
        const token = (await ok(['create', 'token', 'weft-operator', '-n', NAMESPACE])).trim();
        const env = await environmentOf('weft-operator', NAMESPACE, VALUES);
        const operator = new OperatorProcess(cluster.kubeconfig, token, env);
        try {
          await operator.ready();
          await cluster.until(async () => (await caBundles()).every((bundle: string | undefined) => bundle));
        } finally {
          assert.equal(await operator.stop(), 0, operator.output);
        }
        assert.doesNotMatch(operator.output, /forbidden|PRIVATE KEY/i);
        const { data } = await get('secret', 'weft-injector-tls', '-n', NAMESPACE);
        assert.deepEqual(Object.keys(data).sort(), ['ca.crt', 'tls.crt', 'tls.key']);
        const bundle = await get('configmap', 'weft-trust-bundle', '-n', NAMESPACE);
        assert.equal(bundle.data['ca.crt'], Buffer.from(data['ca.crt'], 'base64').toString());
        await ok(['get', 'secret', 'weft-ca', '-n', NAMESPACE]);
      });

      it('leaves the caBundle that the operator wrote alone when it is upgraded', async () => {
        const webhooks = ENTRIES.map((name) => ({ name, clientConfig: { caBundle: CA_BUNDLE } }));
        const target = ['mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION];
        const patch = ['--type=strategic', '--patch', JSON.stringify({ webhooks }), '--as', OPERATOR];
        await ok(['patch', ...target, ...patch]);
        const changed = { ...VALUES, injector: { failurePolicy: 'Ignore', timeoutSeconds: 2 } };
        await cluster.release(version, ['upgrade', 'weft', chartDirectory], changed);
        await cluster.release(version, ['upgrade', 'weft', chartDirectory], changed);
        assert.deepEqual(
          await caBundles(),
          ENTRIES.map(() => CA_BUNDLE),
        );
        const { webhooks: upgraded } = await get('mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION);
        for (const { timeoutSeconds } of upgraded) assert.equal(timeoutSeconds, 2);
      });

      it('leaves definition, policies and the root in place when it is uninstalled, and nothing that acts', async () => {
        await cluster.release(version, ['uninstall', 'weft']);
        assert.equal((await get('meshpolicies', '-n', 'shop')).items.length, 1);
        await ok(['delete', 'secret', 'weft-ca', 'weft-injector-tls', '-n', NAMESPACE]);
        const kinds =
          'deployments,services,clusterroles,mutatingwebhookconfigurations,validatingadmissionpolicies';
        const left = await ok(['get', kinds, '-A', '-o', 'name', '-l', 'app.kubernetes.io/part-of=weft']);
        assert.equal(left, '');
        // Pods start again without us.
        await eventually(pod('elsewhere', 'enabled'), undefined, /^$/);
      });
    });
  }
});

const policy = {
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'MeshPolicy',
  metadata: { name: 'strict', namespace: 'shop' },
  spec: { inbound: { mtls: { mode: 'Strict' } } },
};

function namespace(name: string, labels: Record<string, string> = {}): KubernetesObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function serviceAccount(where: string): KubernetesObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: where } };
}

function secret(where: string, name: string, type: string): KubernetesObject {
  const stringData = type === 'kubernetes.io/tls' ? { 'tls.crt': '', 'tls.key': '' } : { a: 'b' };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: where }, type, stringData };
}

function container(name: string): KubernetesObject {
  return { name, image: 'example.test/app' };
}

function pod(where: string, inject?: string, spec: KubernetesObject = {}): KubernetesObject {
  const labels = inject === undefined ? {} : { 'weft.dev/inject': inject };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a-pod', namespace: where, labels },
    spec: { containers: [container('app')], ...spec },
  };
}

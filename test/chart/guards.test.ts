import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ANNOTATION_PROXY, PROXY_UID, WEBHOOK_CONFIGURATION } from '../../api/names.ts';
import { ChartCluster } from './chart-cluster.ts';
import {
  ACCEPTED,
  adminOf,
  ephemeral,
  injectedPod,
  plainPod,
  revision,
  strictPolicy,
} from './guards.fixture.ts';
import { chartDirectory, HELMS, type KubernetesObject, NAMESPACE, type Values } from './helm.ts';

const OPERATOR = `system:serviceaccount:${NAMESPACE}:weft-operator`;
const ADMIN = 'ana';
const COLLECTOR = 'system:serviceaccount:kube-system:generic-garbage-collector';
const NAMESPACE_CONTROLLER = 'system:serviceaccount:kube-system:namespace-controller';
const OPERATOR_ONLY = /written by the Weft operator alone: change or delete the MeshPolicy/;
const LABELLED_ONLY = /creates and deletes only ControllerRevisions with the label/;
const CA_BUNDLE_ONLY = /changes only clientConfig.caBundle/;
const NO_MOUNT = /may not mount a volume named weft-\*.*remove the mount/;
const OTHER_USER = /may not run as user 15015.*choose another runAsUser/;
/** The garbage collector looks for new kinds every 30 seconds. */
const COLLECTED_WITHIN_MS = 120_000;
/** Nobody answers behind the webhook here. */
const VALUES: Values = { injector: { failurePolicy: 'Ignore', timeoutSeconds: 1 } };

describe('the guards of the chart in a real API server', { timeout: 600_000 }, () => {
  let cluster: ChartCluster;
  before(async () => {
    // With it, because the garbage collector and the namespace controller must get through.
    cluster = await ChartCluster.start({ controllerManager: true });
    await namespace(NAMESPACE);
  });
  after(() => cluster?.stop());

  async function namespace(name: string) {
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const args = ['get', 'serviceaccount', 'default', '-n', name];
    await cluster.until(async () => (await cluster.kubectl(args)).code === 0);
  }
  const create = (object: KubernetesObject, as?: string) =>
    cluster.refusalOf(['create', '-f', '-'], as, object);
  const deletion = (name: string, as?: string) =>
    cluster.refusalOf(['delete', 'controllerrevision', name, '-n', 'shop', '--dry-run=server'], as);
  const exists = async (...args: string[]) => (await cluster.kubectl(['get', ...args])).code === 0;
  const patchRevision = (name: string, body: KubernetesObject, as?: string) =>
    cluster.refusalOf(
      ['patch', 'controllerrevision', name, '-n', 'shop', '--type=merge', '-p', JSON.stringify(body)],
      as,
    );
  const debug = (pod: string, patch: string, as?: string) =>
    cluster.refusalOf(
      [
        'patch',
        'pod',
        pod,
        '-n',
        'shop',
        '--subresource=ephemeralcontainers',
        '--dry-run=server',
        '-p',
        patch,
      ],
      as,
    );
  const patchWebhook = (patch: KubernetesObject, as?: string) => {
    const target = ['mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION, '--type=strategic'];
    return cluster.refusalOf(['patch', ...target, '--dry-run=server', '-p', JSON.stringify(patch)], as);
  };
  /** Creates a policy and, as the operator, its accepted spec. */
  async function acceptedPolicy(where: string, name: string) {
    await cluster.apply(strictPolicy(where, name));
    const { metadata } = await cluster.get('meshpolicy', name, '-n', where);
    const labels = { 'weft.dev/accepted-policy': metadata.uid };
    assert.equal(await create(revision(where, name, labels, metadata), OPERATOR), '');
  }

  for (const version of HELMS) {
    // In order: each test continues where the one before ended.
    describe(`with ${version}`, () => {
      before(async () => {
        await namespace('shop');
        await cluster.apply(adminOf('shop', ADMIN));
        await cluster.release(version, ['install', 'weft', chartDirectory], VALUES);
        await cluster.ok([
          'wait',
          'crd/meshpolicies.weft.dev',
          '--for=condition=Established',
          '--timeout=30s',
        ]);
      });
      after(() => cluster.release(version, ['uninstall', 'weft']));

      it('have no expression that the API server finds wrongly typed', async () => {
        const policies = async (): Promise<KubernetesObject[]> =>
          (await cluster.get('validatingadmissionpolicies', '-l', 'app.kubernetes.io/part-of=weft')).items;
        await cluster.until(async () => (await policies()).every(({ status }) => status?.typeChecking));
        const found = await policies();
        assert.equal(found.length, 6);
        for (const { metadata, status } of found) {
          assert.deepEqual(status.typeChecking, {}, metadata.name);
        }
      });

      it('refuse an accepted policy that a namespace’s administrator forged', async () => {
        const forged = revision('shop', 'forged', ACCEPTED, { name: 'strict', uid: 'a-uid' });
        await cluster.eventually(() => cluster.refusal(forged, ADMIN), OPERATOR_ONLY);
        assert.match(await cluster.refusal(forged), OPERATOR_ONLY, 'not even the cluster’s administrator');
        assert.match(await create(forged, ADMIN), OPERATOR_ONLY);
        assert.equal(await exists('controllerrevision', 'forged', '-n', 'shop'), false);
      });

      it('refuse a forgery in two steps, and a change of what was accepted', async () => {
        assert.equal(await create(revision('shop', 'plain', {}), ADMIN), '', 'others are not concerned');
        const labelled = { metadata: { labels: ACCEPTED } };
        assert.match(await patchRevision('plain', labelled, ADMIN), OPERATOR_ONLY);
        await acceptedPolicy('shop', 'strict');
        assert.match(await patchRevision('strict', { revision: 99 }, ADMIN), OPERATOR_ONLY);
        const unlabelled = { metadata: { labels: { 'weft.dev/accepted-policy': null } } };
        assert.match(await patchRevision('strict', unlabelled, ADMIN), OPERATOR_ONLY);
        assert.match(
          await patchRevision('strict', { metadata: { ownerReferences: [] } }, ADMIN),
          OPERATOR_ONLY,
        );
        assert.match(await deletion('strict', ADMIN), OPERATOR_ONLY);
      });

      it('keep the operator from every other ControllerRevision', async () => {
        const other = revision('shop', 'of-a-daemon-set', { app: 'db' });
        assert.match(await create(other, OPERATOR), LABELLED_ONLY);
        assert.match(await deletion('plain', OPERATOR), LABELLED_ONLY);
        assert.equal(await deletion('plain', ADMIN), '');
        assert.equal(await deletion('strict', OPERATOR), '');
      });

      it('would keep the operator from changing ControllerRevisions if a role let it', async () => {
        await cluster.apply(adminOf('shop', OPERATOR));
        assert.match(await patchRevision('strict', { revision: 2 }, OPERATOR), LABELLED_ONLY);
        assert.match(
          await patchRevision('plain', { metadata: { labels: ACCEPTED } }, OPERATOR),
          LABELLED_ONLY,
        );
        await cluster.ok(['delete', 'rolebinding', `${OPERATOR}-is-admin`, '-n', 'shop']);
      });

      it('let the controllers that clean up delete an accepted policy, but not write one', async () => {
        await cluster.apply(adminOf('shop', COLLECTOR));
        assert.match(await cluster.refusal(revision('shop', 'forged', ACCEPTED), COLLECTOR), OPERATOR_ONLY);
        assert.match(await patchRevision('strict', { revision: 99 }, COLLECTOR), OPERATOR_ONLY);
        assert.equal(await deletion('strict', COLLECTOR), '');
        for (const deleter of [NAMESPACE_CONTROLLER, 'system:kube-controller-manager']) {
          await cluster.apply(adminOf('shop', deleter));
          assert.equal(await deletion('strict', deleter), '');
          assert.match(await cluster.refusal(revision('shop', 'forged', ACCEPTED), deleter), OPERATOR_ONLY);
        }
        const relabelled = { metadata: { labels: { ...ACCEPTED, more: 'x' } } };
        assert.match(await patchRevision('strict', relabelled, NAMESPACE_CONTROLLER), OPERATOR_ONLY);
      });

      it('let the accepted policy go with its policy, however that is deleted', async () => {
        for (const cascade of ['background', 'foreground', 'orphan']) {
          const name = `deleted-${cascade}`;
          await acceptedPolicy('shop', name);
          await cluster.ok([
            'delete',
            'meshpolicy',
            name,
            '-n',
            'shop',
            `--cascade=${cascade}`,
            '--wait=false',
          ]);
          const gone = async (kind: string) => !(await exists(kind, name, '-n', 'shop'));
          await cluster.until(() => gone('meshpolicy'), COLLECTED_WITHIN_MS);
          if (cascade !== 'orphan')
            await cluster.until(() => gone('controllerrevision'), COLLECTED_WITHIN_MS);
        }
        // What was orphaned anyone may remove who may remove ControllerRevisions.
        const orphan = ['delete', 'controllerrevision', 'deleted-orphan', '-n', 'shop'];
        assert.equal(await cluster.refusalOf(orphan, ADMIN), '');
      });

      it('refuse ephemeral containers that mount what is the sidecar’s', async () => {
        await cluster.apply(injectedPod('shop', 'web', { [ANNOTATION_PROXY]: 'a1' }));
        for (const name of ['weft-proxy', 'weft-token', 'weft-state']) {
          const patch = ephemeral('thief', { volumeMounts: [{ name, mountPath: '/mnt' }] });
          await cluster.eventually(() => debug('web', patch, ADMIN), NO_MOUNT);
        }
        const data = ephemeral('debugger', { volumeMounts: [{ name: 'data', mountPath: '/mnt' }] });
        assert.equal(await debug('web', data, ADMIN), '');
      });

      it('refuse ephemeral containers that run as the sidecar’s user, by themselves or by their pod', async () => {
        const asSidecar = ephemeral('runaway', { securityContext: { runAsUser: PROXY_UID } });
        assert.match(await debug('web', asSidecar, ADMIN), OTHER_USER);
        assert.equal(await debug('web', ephemeral('root', { securityContext: { runAsUser: 0 } })), '');
        const pod = injectedPod('shop', 'inherits', { [ANNOTATION_PROXY]: 'a2' });
        await cluster.apply({ ...pod, spec: { ...pod.spec, securityContext: { runAsUser: PROXY_UID } } });
        assert.match(await debug('inherits', ephemeral('runaway'), ADMIN), OTHER_USER);
        const other = ephemeral('debugger', { securityContext: { runAsUser: 1000 } });
        assert.equal(await debug('inherits', other, ADMIN), '');
      });

      it('know a pod with a sidecar by its annotation, and without that by its volumes', async () => {
        await cluster.apply(injectedPod('shop', 'bare', {}));
        const patch = ephemeral('thief', { volumeMounts: [{ name: 'weft-proxy', mountPath: '/mnt' }] });
        assert.match(await debug('bare', patch, ADMIN), NO_MOUNT);
        const annotated = plainPod('shop', 'annotated');
        annotated.metadata.annotations = { [ANNOTATION_PROXY]: 'a3' };
        await cluster.apply(annotated);
        const asSidecar = ephemeral('runaway', { securityContext: { runAsUser: PROXY_UID } });
        assert.match(await debug('annotated', asSidecar, ADMIN), OTHER_USER);
      });

      it('leave kubectl debug as it is, and pods outside the mesh alone', async () => {
        for (const profile of [[], ['--profile=general'], ['--profile=restricted'], ['--profile=sysadmin']]) {
          const args = [
            'debug',
            'web',
            '-n',
            'shop',
            '--image=example.test/debug',
            '--target=app',
            ...profile,
          ];
          assert.equal((await cluster.kubectl([...args, '--as', ADMIN])).code, 0, profile.join());
        }
        const { spec } = await cluster.get('pod', 'web', '-n', 'shop');
        assert.equal(spec.ephemeralContainers.length, 4);
        await cluster.apply(
          plainPod('shop', 'outside', { volumes: [{ name: 'weft-basket', emptyDir: {} }] }),
        );
        const mount = { volumeMounts: [{ name: 'weft-basket', mountPath: '/mnt' }] };
        const user = { securityContext: { runAsUser: PROXY_UID } };
        assert.equal(await debug('outside', ephemeral('debugger', { ...mount, ...user })), '');
      });

      it('leave the operator caBundle of its webhook, and nothing else', async () => {
        const name = 'pods.injector.weft.dev';
        const webhook = (change: KubernetesObject) => ({ webhooks: [{ name, ...change }] });
        const service = { name: 'evil', namespace: 'shop' };
        const refused: KubernetesObject[] = [
          webhook({ clientConfig: { service } }),
          webhook({ clientConfig: { service: { name: 'weft-injector', namespace: NAMESPACE, port: 444 } } }),
          webhook({ clientConfig: { service: null, url: 'https://example.test' } }),
          webhook({ rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*'] }] }),
          webhook({ failurePolicy: 'Fail' }),
          webhook({ namespaceSelector: { matchExpressions: null } }),
          webhook({ objectSelector: { matchLabels: { a: 'b' } } }),
          webhook({ matchConditions: [{ name: 'never', expression: 'false' }] }),
          webhook({ matchPolicy: 'Exact' }),
          webhook({ reinvocationPolicy: 'Never' }),
          webhook({ timeoutSeconds: 30 }),
          webhook({ sideEffects: 'NoneOnDryRun' }),
          webhook({ admissionReviewVersions: ['v1', 'v1beta1'] }),
          { webhooks: [{ name, $patch: 'delete' }] },
          { metadata: { labels: { a: 'b' } } },
          { metadata: { annotations: { a: 'b' } } },
          { metadata: { finalizers: ['example.test/never'] } },
          { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'gone', uid: 'u' }] } },
        ];
        const probe = refused[0]!;
        await cluster.eventually(() => patchWebhook(probe, OPERATOR), CA_BUNDLE_ONLY);
        for (const patch of refused) {
          assert.match(await patchWebhook(patch, OPERATOR), CA_BUNDLE_ONLY, JSON.stringify(patch));
          assert.equal(await patchWebhook(patch), '', 'others are not concerned');
        }
        const { webhooks } = await cluster.get('mutatingwebhookconfiguration', WEBHOOK_CONFIGURATION);
        const patch = { webhooks: [{ ...webhooks[0], name: 'third.injector.weft.dev' }] };
        assert.match(await patchWebhook(patch, OPERATOR), CA_BUNDLE_ONLY);
        const caBundle = Buffer.from('a bundle').toString('base64');
        assert.equal(await patchWebhook(webhook({ clientConfig: { caBundle } }), OPERATOR), '');
      });

      it('let the accepted policy go with its namespace', async () => {
        assert.equal(await exists('controllerrevision', 'strict', '-n', 'shop'), true);
        await cluster.ok(['delete', 'namespace', 'shop', '--timeout=60s']);
        assert.equal(await exists('namespace', 'shop'), false);
      });
    });
  }
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { KubernetesObject } from '../chart/helm.ts';
import { InjectionServer, type Said, until } from './injection.fixture.ts';
import { APP, CASES, type Case } from './injection-pods.fixture.ts';

const ENABLED = { 'weft.dev/inject': 'enabled' };
const MESHED = 'meshed';

const podOf = (spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'a', ...metadata },
  spec: { containers: [APP], ...spec },
});
const isInjected = ({ spec }: KubernetesObject): boolean =>
  spec.initContainers?.[0]?.name === 'weft-init' && spec.initContainers[1]?.name === 'weft-sidecar';

describe('pods of every kind, in a real API server', { timeout: 600_000 }, () => {
  let server: InjectionServer;
  before(async () => {
    server = await InjectionServer.start();
    await server.namespace(MESHED, ENABLED);
    // A minute goes by until it makes its first pod.
    await server.namespace('cron', ENABLED);
    await server.post('/apis/batch/v1/namespaces/cron/cronjobs', {
      metadata: { name: 'cron' },
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: template('OnFailure') } } },
    });
  });
  after(() => server?.stop());

  for (const [what, each] of Object.entries(CASES)) {
    it(`a pod ${what} ${verdictOf(each)}`, async () => {
      const { spec, metadata } = each;
      compare(each, await server.judge(MESHED, podOf(spec, metadata)));
    });
  }

  it('a pod in the mesh takes ephemeral containers, but none that are the sidecar’s', async () => {
    const { metadata } = await server.post(
      `/api/v1/namespaces/${MESHED}/pods`,
      podOf({}, { name: 'debugged' }),
    );
    assert.equal(metadata.labels['weft.dev/injected'], 'true');
    const debug = (container: object) =>
      server.ask(
        'PATCH',
        `/api/v1/namespaces/${MESHED}/pods/debugged/ephemeralcontainers?dryRun=All`,
        { spec: { ephemeralContainers: [{ name: 'debugger', image: 'a', ...container }] } },
        'application/strategic-merge-patch+json',
      );
    const { code, object } = await debug({ targetContainerName: 'app' });
    assert.deepEqual([code, object.spec.ephemeralContainers.length], [200, 1]);
    assert.ok(isInjected(object));
    const mounts = { volumeMounts: [{ name: 'weft-proxy', mountPath: '/steal' }] };
    await until('the guard to be in force', async () => (await debug(mounts)).code !== 200);
    assert.match(
      (await debug(mounts)).object.message,
      /may not mount a volume named weft-\*.*remove the mount/,
    );
    const runaway = await debug({ securityContext: { runAsUser: 15015 } });
    assert.match(runaway.object.message, /may not run as user 15015.*choose another runAsUser/);
  });

  describe('asked for by annotation', () => {
    const ASKED = { annotations: ENABLED };
    const AGAINST = { ...ASKED, labels: { 'weft.dev/inject': 'disabled' } };
    const warningsOf = async (namespace: string, metadata: object) => {
      const { code, warnings } = await server.judge(namespace, podOf({}, metadata));
      assert.equal(code, 201);
      return warnings;
    };

    before(() =>
      until('the policy to be in force', async () => (await warningsOf(MESHED, AGAINST)).length > 0),
    );

    it('are warned about once where no injector sees them: by their label, or in a namespace that is not asked', async () => {
      for (const [namespace, metadata] of [
        [MESHED, AGAINST],
        ['default', ASKED],
        ['default', AGAINST],
      ] as const) {
        const [warning, ...others] = await warningsOf(namespace, metadata);
        assert.match(
          warning ?? '',
          /annotation weft\.dev\/inject is not understood, and the pod has no sidecar: write it as a label/,
        );
        assert.deepEqual(others, []);
      }
    });

    it('are warned about by the injector alone where it sees them', async () => {
      const words = ['annotation weft.dev/inject is not understood: write it as a label'];
      assert.deepEqual(await warningsOf(MESHED, ASKED), words);
      assert.deepEqual(await warningsOf('default', { ...ASKED, labels: ENABLED }), words);
    });

    it('are not warned about where the annotation says what is so anyway', async () => {
      const disabled = { 'weft.dev/inject': 'disabled' };
      assert.deepEqual(await warningsOf(MESHED, { annotations: disabled, labels: disabled }), []);
      assert.deepEqual(await warningsOf('default', { annotations: disabled }), []);
      assert.deepEqual(await warningsOf('default', {}), []);
    });
  });

  describe('asked for', () => {
    for (const [namespace, pod, injected] of [
      ['enabled', undefined, true],
      ['enabled', 'enabled', true],
      ['enabled', 'disabled', false],
      [undefined, 'enabled', true],
      [undefined, 'disabled', false],
      [undefined, undefined, false],
      ['disabled', 'enabled', true],
      ['disabled', undefined, false],
    ] as const) {
      const says = (value: string | undefined) => value ?? 'nothing';
      it(`by a namespace that says ${says(namespace)} and a pod that says ${says(pod)}: ${injected}`, async () => {
        const name = `level-${says(namespace)}-${says(pod)}`;
        await server.namespace(name, namespace === undefined ? {} : { 'weft.dev/inject': namespace });
        const labels = pod === undefined ? {} : { 'weft.dev/inject': pod };
        const { code, object } = await server.judge(name, podOf({}, { labels }));
        assert.deepEqual([code, isInjected(object)], [201, injected], object.message);
      });
    }

    it('in kube-system by nobody', async () => {
      const { code, object } = await server.judge('kube-system', podOf({}, { labels: ENABLED }));
      assert.deepEqual([code, isInjected(object)], [201, false], object.message);
    });
  });

  describe('made by a controller', () => {
    const made: readonly [kind: string, path: string, spec: object][] = [
      ['Deployment', 'apps/v1/namespaces/NS/deployments', { selector: selector(), template: template() }],
      ['StatefulSet', 'apps/v1/namespaces/NS/statefulsets', { selector: selector(), template: template() }],
      ['DaemonSet', 'apps/v1/namespaces/NS/daemonsets', { selector: selector(), template: template() }],
      ['ReplicaSet', 'apps/v1/namespaces/NS/replicasets', { selector: selector(), template: template() }],
      ['Job', 'batch/v1/namespaces/NS/jobs', { template: template('Never') }],
    ];
    before(() => server.post('/api/v1/nodes', { metadata: { name: 'node' } }));

    for (const [kind, path, spec] of made) {
      it(`of the kind ${kind} have a sidecar and an id each`, async () => {
        const name = `kind-${kind.toLowerCase()}`;
        await server.namespace(name, ENABLED);
        const object = { metadata: { name: 'a' }, spec };
        await server.post(`/apis/${path.replace('NS', name)}`, object);
        await untilInjected(name, kind);
      });
    }

    it('of the kind CronJob have a sidecar and an id each', () => untilInjected('cron', 'Job'));

    async function untilInjected(namespace: string, kind: string): Promise<void> {
      await until(`a pod of ${kind}`, async () => (await server.pods(namespace)).length > 0, 120_000);
      const [pod] = await server.pods(namespace);
      assert.ok(isInjected(pod));
      assert.match(pod.metadata.annotations['weft.dev/proxy'], /^[a-z0-9]{20}$/);
      const kinds = pod.metadata.ownerReferences.map((owner: KubernetesObject) => owner.kind);
      assert.deepEqual(kinds, [kind === 'Deployment' ? 'ReplicaSet' : kind]);
    }
  });

  describe('where Pod Security has a say', () => {
    const enforce = (level: string) => ({ ...ENABLED, 'pod-security.kubernetes.io/enforce': level });
    const CLOSED = {
      ...{ runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const closed = (metadata: object = {}) =>
      podOf({ containers: [{ ...APP, securityContext: CLOSED }] }, metadata);
    before(async () => {
      for (const level of ['baseline', 'restricted']) await server.namespace(level, enforce(level));
      const watched = { 'pod-security.kubernetes.io/warn': 'restricted' };
      await server.namespace('watched', { ...enforce('privileged'), ...watched });
    });

    for (const level of ['baseline', 'restricted']) {
      it(`${level} refuses them, and Weft says what to do`, async () => {
        const { code, object } = await server.judge(level, closed());
        assert.equal(code, 403);
        assert.match(object.message, new RegExp(`weft: namespace ${level} enforces Pod Security`));
        assert.match(object.message, /label the namespace pod-security.kubernetes.io\/enforce=privileged/);
        assert.match(object.message, /or the pod weft.dev\/inject=disabled/);
      });

      it(`${level} admits what stays out of the mesh, as the message says`, async () => {
        const labels = { 'weft.dev/inject': 'disabled' };
        const { code, object } = await server.judge(level, closed({ labels }));
        assert.deepEqual([code, isInjected(object)], [201, false], object.message);
      });
    }

    it('privileged admits them, as the message says, and warns where it is told to', async () => {
      const { code, object, warnings } = await server.judge('watched', closed());
      assert.deepEqual([code, isInjected(object)], [201, true], object.message);
      assert.match(warnings.join('\n'), /would violate PodSecurity.*weft-init/);
    });

    it('a Deployment’s owner finds the same words in its events', async () => {
      const object = { metadata: { name: 'a' }, spec: { selector: selector(), template: template() } };
      await server.post('/apis/apps/v1/namespaces/restricted/deployments', object);
      await until('an event that says so', async () => {
        const { items } = (await server.get('/api/v1/namespaces/restricted/events')).object;
        return items.some(({ reason, message }: KubernetesObject) => {
          return reason === 'FailedCreate' && /weft: namespace restricted enforces/.test(message);
        });
      });
    });
  });

  describe('where resources are bounded', () => {
    const bounded = { resources: { requests: { cpu: '10m' }, limits: { cpu: '10m', memory: '16Mi' } } };
    const small = (annotations: object = {}) =>
      podOf({ containers: [{ ...APP, ...bounded }] }, { annotations });
    const limitRange = async (name: string, limits: object) => {
      await server.namespace(name, ENABLED);
      const object = { metadata: { name: 'a' }, spec: { limits: [{ type: 'Container', ...limits }] } };
      await server.post(`/api/v1/namespaces/${name}/limitranges`, object);
      const path = `/api/v1/namespaces/${name}/limitranges/a`;
      await until('the limits', async () => (await server.get(path)).code === 200);
    };

    it('by a quota, the API server names our containers, and an annotation gives what they lack', async () => {
      await server.namespace('quota', ENABLED);
      const quota = {
        metadata: { name: 'a' },
        spec: { hard: { 'limits.cpu': '2', 'limits.memory': '1Gi' } },
      };
      await server.post('/api/v1/namespaces/quota/resourcequotas', quota);
      const path = '/api/v1/namespaces/quota/resourcequotas/a';
      await until('the quota', async () => (await server.get(path)).object.status?.hard !== undefined);
      const { code, object } = await server.judge('quota', small());
      assert.equal(code, 403);
      assert.match(object.message, /must specify limits.cpu for: weft-init,weft-sidecar/);
      const helped = await server.judge('quota', small({ 'weft.dev/cpu-limit': '100m' }));
      assert.equal(helped.code, 201, helped.object.message);
    });

    it('by a LimitRange, our containers get its defaults', async () => {
      await limitRange('defaults', { default: { cpu: '300m' } });
      let said: Said | undefined;
      await until('the defaults to be given', async () => {
        said = await server.judge('defaults', podOf());
        return said.object.spec?.initContainers?.[1].resources.limits.cpu === '300m';
      });
      assert.equal(said?.object.spec.initContainers[1].resources.requests.cpu, '20m');
    });

    it('by a quota and the defaults of a LimitRange, they need no annotation', async () => {
      await limitRange('both', { default: { cpu: '300m', memory: '32Mi' } });
      const quota = {
        metadata: { name: 'a' },
        spec: { hard: { 'limits.cpu': '2', 'limits.memory': '1Gi' } },
      };
      await server.post('/api/v1/namespaces/both/resourcequotas', quota);
      const path = '/api/v1/namespaces/both/resourcequotas/a';
      await until('the quota', async () => (await server.get(path)).object.status?.hard !== undefined);
      await until('the defaults to be given', async () => (await server.judge('both', podOf())).code === 201);
    });

    it('by a LimitRange that is too small, an annotation makes the sidecar fit', async () => {
      await limitRange('maxima', { max: { memory: '128Mi' } });
      await until(
        'the limits to be in force',
        async () => (await server.judge('maxima', small())).code !== 201,
      );
      const { object } = await server.judge('maxima', small());
      assert.match(object.message, /maximum memory usage per Container is 128Mi, but limit is 256Mi/);
      const helped = await server.judge('maxima', small({ 'weft.dev/memory-limit': '128Mi' }));
      assert.equal(helped.code, 201, helped.object.message);
    });
  });
});

function template(restartPolicy = 'Always'): object {
  return { metadata: { labels: { app: 'a' } }, spec: { containers: [APP], restartPolicy } };
}

function selector(): object {
  return { matchLabels: { app: 'a' } };
}

function verdictOf({ refused, passed, warnings = [] }: Case): string {
  if (refused !== undefined) return 'is refused with what to do instead';
  if (passed !== undefined) return 'passes without a sidecar, and is told why';
  return warnings.length > 0 ? 'gets its sidecar and a warning' : 'gets its sidecar';
}

function compare({ refused, passed, warnings, check }: Case, said: Said): void {
  if (refused !== undefined) {
    assert.ok(said.code >= 400 && said.code < 500, `${said.code}`);
    assert.match(said.object.message, refused);
    return;
  }
  assert.equal(said.code, 201, said.object.message);
  const expected = passed === undefined ? warnings : [passed];
  if (expected !== undefined) {
    assert.equal(said.warnings.length, expected.length, said.warnings.join('\n'));
    for (const [at, pattern] of expected.entries()) assert.match(said.warnings[at]!, pattern);
  }
  assert.equal(isInjected(said.object), passed === undefined);
  for (const [actual, wanted] of check?.(said.object) ?? []) assert.deepEqual(actual, wanted);
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { admit } from './admit.ts';
import type { PatchOperation } from './json-patch.ts';
import { applyPatch } from './json-patch.ts';
import {
  admissionContext,
  IMAGE,
  type Json,
  PROXY_ID,
  podFixture,
  requestFixture,
  TRUST_BUNDLE,
} from './pod.fixture.ts';

function operationsFor(pod: Json, context = admissionContext()): readonly PatchOperation[] {
  const decision = admit(requestFixture(pod), context);
  assert.ok(decision.allowed, decision.allowed ? '' : decision.message);
  return decision.operations;
}
const inject = (pod: Json, context = admissionContext()): Json =>
  applyPatch(pod, operationsFor(pod, context));
const named = (list: Json[], name: string): Json => list.find((item) => item.name === name);
const environment = (container: Json): Json =>
  Object.fromEntries(container.env.map((item: Json) => [item.name, item.value ?? item.valueFrom]));

describe('the patch of a plain pod', () => {
  const pod = inject(podFixture());
  const [init, sidecar] = pod.spec.initContainers;

  it('puts init and the native sidecar first', () => {
    assert.deepEqual(
      pod.spec.initContainers.map((container: Json) => [container.name, container.restartPolicy]),
      [
        ['weft-init', undefined],
        ['weft-sidecar', 'Always'],
      ],
    );
    assert.deepEqual(pod.spec.containers, podFixture().spec.containers);
  });

  it('gives init root with two capabilities and nothing else', () => {
    assert.deepEqual(init.args, ['init']);
    assert.equal(init.image, IMAGE);
    assert.deepEqual(init.securityContext, {
      runAsUser: 0,
      runAsGroup: 0,
      runAsNonRoot: false,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    assert.equal(init.volumeMounts, undefined);
  });

  it('gives the sidecar what Pod Security restricted asks for', () => {
    assert.deepEqual(sidecar.securityContext, {
      runAsUser: 15015,
      runAsGroup: 15015,
      runAsNonRoot: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    });
  });

  it('holds the app until the sidecar is ready, and drains it at the end', () => {
    assert.deepEqual(sidecar.startupProbe.httpGet, { path: '/readyz', port: 15020, scheme: 'HTTP' });
    assert.equal(sidecar.startupProbe.periodSeconds, 1);
    assert.equal(sidecar.startupProbe.failureThreshold, 600);
    assert.equal(sidecar.readinessProbe.httpGet.path, '/readyz');
    assert.equal(sidecar.livenessProbe.httpGet.path, '/healthz');
    assert.deepEqual(sidecar.lifecycle.preStop.exec.command, ['weft', 'drain']);
    assert.deepEqual(sidecar.ports, [{ name: 'weft-admin', containerPort: 15020, protocol: 'TCP' }]);
  });

  it('tells the sidecar who it is and whom to trust', () => {
    const field = (fieldPath: string) => ({ fieldRef: { apiVersion: 'v1', fieldPath } });
    assert.deepEqual(environment(sidecar), {
      WEFT_POD_NAME: field('metadata.name'),
      WEFT_POD_NAMESPACE: field('metadata.namespace'),
      WEFT_POD_UID: field('metadata.uid'),
      WEFT_POD_IP: field('status.podIP'),
      WEFT_PROXY_ID: PROXY_ID,
      WEFT_CONTROL_PLANE: 'weft-operator.weft-system.svc:15010',
      WEFT_CONTROL_PLANE_ID: 'spiffe://cluster.local/ns/weft-system/sa/weft-operator',
      WEFT_TRUST_BUNDLE: TRUST_BUNDLE,
      WEFT_LOG_LEVEL: 'info',
      NODE_OPTIONS: '--max-semi-space-size=1',
      MALLOC_ARENA_MAX: '1',
      WEFT_PROBES: '{}',
    });
  });

  it('mounts its volumes into the sidecar only, readable without being root', () => {
    assert.deepEqual(pod.spec.volumes, [
      {
        name: 'weft-proxy',
        secret: { secretName: `weft-proxy-${PROXY_ID}`, optional: true, defaultMode: 0o444 },
      },
      {
        name: 'weft-token',
        projected: {
          defaultMode: 0o444,
          sources: [{ serviceAccountToken: { audience: 'weft', expirationSeconds: 3600, path: 'token' } }],
        },
      },
      { name: 'weft-state', emptyDir: { sizeLimit: '64Mi' } },
    ]);
    assert.deepEqual(sidecar.volumeMounts, [
      { name: 'weft-proxy', mountPath: '/var/run/weft/proxy', readOnly: true },
      { name: 'weft-token', mountPath: '/var/run/weft/token', readOnly: true },
      { name: 'weft-state', mountPath: '/var/lib/weft' },
    ]);
  });

  it('leaves the pod’s own security context, tokens and service account alone', () => {
    assert.deepEqual(Object.keys(pod.spec).sort(), ['containers', 'initContainers', 'volumes']);
  });

  it('writes the proxy id and a status that is JSON', () => {
    assert.equal(pod.metadata.annotations['weft.dev/proxy'], PROXY_ID);
    const status = JSON.parse(pod.metadata.annotations['weft.dev/status']);
    assert.deepEqual(status.initContainers, ['weft-init', 'weft-sidecar']);
    assert.equal(status.image, IMAGE);
  });

  it('carries a label by which it is found, and names the author’s container for kubectl', () => {
    assert.deepEqual(pod.metadata.labels, { 'weft.dev/injected': 'true' });
    assert.equal(pod.metadata.annotations['kubectl.kubernetes.io/default-container'], 'app');
  });

  it('asks for the resources of the settings, in both containers', () => {
    const expected = { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } };
    assert.deepEqual(sidecar.resources, expected);
    assert.deepEqual(init.resources, expected);
  });
});

describe('the patch of a pod that has things already', () => {
  it('leaves other annotations, volumes and init containers as they are', () => {
    const pod = inject(
      podFixture(
        { initContainers: [{ name: 'migrate' }], volumes: [{ name: 'data', emptyDir: {} }] },
        { annotations: { 'example.com/a~b': 'x' } },
      ),
    );
    assert.equal(pod.metadata.annotations['example.com/a~b'], 'x');
    assert.deepEqual(pod.spec.volumes[0], { name: 'data', emptyDir: {} });
    assert.deepEqual(
      pod.spec.initContainers.map(({ name }: Json) => name),
      ['weft-init', 'weft-sidecar', 'migrate'],
    );
  });

  it('keeps the author’s labels and default container', () => {
    const name = 'kubectl.kubernetes.io/default-container';
    const pod = inject(
      podFixture(
        { containers: [{ name: 'first' }, { name: 'second' }] },
        { labels: { app: 'web', 'weft.dev/injected': 'no' }, annotations: { [name]: 'second' } },
      ),
    );
    assert.deepEqual(pod.metadata.labels, { app: 'web', 'weft.dev/injected': 'true' });
    assert.equal(pod.metadata.annotations[name], 'second');
  });

  it('makes the parents that are missing, each once', () => {
    for (const metadata of [undefined, null, {}, { labels: null, annotations: {} }, { labels: {} }]) {
      const before = { ...podFixture(), metadata };
      const after = inject(before);
      assert.equal(after.metadata.labels['weft.dev/injected'], 'true');
      assert.equal(after.metadata.annotations['weft.dev/proxy'], PROXY_ID);
      assert.deepEqual(operationsFor(after), []);
      const paths = operationsFor(before).flatMap(({ path }) => (path.startsWith('/metadata') ? [path] : []));
      assert.deepEqual(paths, [...new Set(paths)]);
    }
  });

  it('copes with what Go writes for nothing', () => {
    const pod = inject(
      podFixture(
        { initContainers: null, volumes: null, securityContext: null },
        { annotations: null, labels: null },
      ),
    );
    assert.equal(pod.spec.initContainers.length, 2);
    assert.equal(pod.metadata.labels['weft.dev/injected'], 'true');
  });

  it('always overwrites the proxy id, and the Secret and environment with it', () => {
    const copied = inject(podFixture({}, { annotations: { 'weft.dev/proxy': 'stolen' } }));
    assert.equal(copied.metadata.annotations['weft.dev/proxy'], PROXY_ID);
    const again = inject(copied, admissionContext({}, { proxyId: 'other0123456789other' }));
    assert.ok(!JSON.stringify(again).includes(PROXY_ID));
    assert.equal(again.spec.volumes.length, 3);
    assert.equal(again.spec.initContainers.length, 2);
  });

  it('replaces containers and volumes that only look like ours', () => {
    const pod = inject(
      podFixture({
        initContainers: [
          { name: 'first' },
          { name: 'weft-sidecar', image: 'evil', command: ['sh'] },
          { name: 'weft-sidecar', image: 'evil' },
        ],
        volumes: [{ name: 'weft-proxy', secret: { secretName: 'weft-proxy-of-another' } }],
      }),
    );
    assert.ok(!JSON.stringify(pod).includes('evil') && !JSON.stringify(pod).includes('of-another'));
    assert.equal(named(pod.spec.initContainers, 'weft-sidecar').command, undefined);
    assert.deepEqual(
      pod.spec.initContainers.map(({ name }: Json) => name),
      ['weft-init', 'weft-sidecar', 'first'],
    );
  });

  it('keeps the defaults that a LimitRange gave between two invocations, and none over ours', () => {
    const once = inject(podFixture());
    for (const container of once.spec.initContainers) {
      container.resources = { requests: { cpu: '1', 'ephemeral-storage': '1Gi' }, limits: { cpu: '300m' } };
    }
    const twice = inject(once, admissionContext({}, { proxyId: 'other0123456789other' }));
    for (const { resources } of twice.spec.initContainers) {
      assert.deepEqual(resources, {
        requests: { cpu: '20m', memory: '64Mi', 'ephemeral-storage': '1Gi' },
        limits: { cpu: '300m', memory: '256Mi' },
      });
    }
    const none = {
      WEFT_SIDECAR_CPU_REQUEST: '',
      WEFT_SIDECAR_MEMORY_REQUEST: '',
      WEFT_SIDECAR_MEMORY_LIMIT: '',
    };
    const bare = inject(inject(podFixture(), admissionContext(none)), admissionContext(none));
    assert.deepEqual(bare.spec.initContainers[1].resources, {});
  });

  it('goes back to the front when another webhook put something before it', () => {
    const pod = inject(podFixture());
    pod.spec.initContainers.splice(1, 0, { name: 'between' });
    pod.spec.initContainers.unshift({ name: 'before' });
    assert.deepEqual(
      inject(pod).spec.initContainers.map(({ name }: Json) => name),
      ['weft-init', 'weft-sidecar', 'before', 'between'],
    );
  });

  it('changes nothing when only defaults were added since', () => {
    const pod = inject(podFixture());
    for (const container of pod.spec.initContainers) {
      container.terminationMessagePath = '/dev/termination-log';
      container.volumeMounts = [
        ...(container.volumeMounts ?? []),
        { name: 'kube-api-access', mountPath: '/x' },
      ];
    }
    pod.spec.volumes.push({ name: 'kube-api-access', projected: {} });
    assert.deepEqual(operationsFor(pod), []);
  });

  it('never replaces a list as a whole', () => {
    const full = podFixture(
      { initContainers: [{ name: 'weft-init' }], volumes: [{ name: 'weft-token' }] },
      { annotations: { a: 'b' } },
    );
    for (const pod of [podFixture(), full]) {
      for (const operation of operationsFor(pod)) {
        if (operation.op === 'remove' || !Array.isArray(operation.value)) continue;
        assert.deepEqual([operation.op, operation.value], ['add', []]);
      }
    }
  });
});

describe('the patch, for any pod', () => {
  const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/);
  const port = fc.integer({ min: 1, max: 14_000 });
  const probe = fc.oneof(
    fc.constant(undefined),
    fc.record({ httpGet: fc.record({ path: fc.constantFrom('/x', '/$(A)$$', ''), port }) }),
    fc.record({ tcpSocket: fc.record({ port }), timeoutSeconds: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ exec: fc.record({ command: fc.constant(['true']) }) }),
    fc.record({ grpc: fc.record({ port }) }),
  );
  const container = fc.record({ name, livenessProbe: probe, readinessProbe: probe, startupProbe: probe });
  const uniqueNames = { selector: ({ name }: { name: string }) => name };
  const ours = fc.constantFrom('weft-init', 'weft-sidecar').map((own) => ({ name: own }));
  const pod = fc
    .record({
      containers: fc.uniqueArray(container, { ...uniqueNames, minLength: 1, maxLength: 3 }),
      initContainers: fc.option(fc.array(fc.oneof(container, ours), { maxLength: 4 })),
      volumes: fc.option(
        fc.uniqueArray(fc.record({ name: fc.oneof(name, fc.constant('weft-state')) }), uniqueNames),
      ),
      annotations: fc.option(fc.dictionary(name, fc.string())),
      labels: fc.option(fc.dictionary(name, fc.string())),
    })
    .map(({ annotations, labels, ...spec }) =>
      JSON.parse(JSON.stringify(podFixture(spec, { annotations, labels }))),
    );

  it('applies, and applied to its own result changes nothing', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const after = inject(before);
        assert.deepEqual(operationsFor(after), []);
        assert.deepEqual(
          after.spec.initContainers.slice(0, 2).map((item: Json) => item.name),
          ['weft-init', 'weft-sidecar'],
        );
      }),
    );
  });

  it('keeps the probes when it runs again with another id, as the API server does', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const once = inject(before);
        const twice = inject(once, admissionContext({}, { proxyId: 'other0123456789other' }));
        // the token in the probes' paths is new, as the id is; nothing of the earlier one stays
        const probes = (injected: Json) => environment(injected.spec.initContainers[1]).WEFT_PROBES;
        const tokens = [once, twice].map((injected) => /[0-9a-f]{32}(?=\/)/.exec(probes(injected))?.[0]);
        const renewed = JSON.stringify([probes(once), once.spec.containers]).replaceAll(
          tokens[0] ?? 'none',
          tokens[1] ?? 'none',
        );
        assert.equal(JSON.stringify([probes(twice), twice.spec.containers]), renewed);
        if (tokens[0] === undefined) return;
        assert.notEqual(tokens[0], tokens[1]);
        assert.ok(!JSON.stringify(twice).includes(tokens[0]));
      }),
    );
  });

  it('never touches what it did not make', () => {
    fc.assert(
      fc.property(pod, (before) => {
        const own = ['weft-init', 'weft-sidecar', 'weft-proxy', 'weft-token', 'weft-state'];
        const others = (list: Json[] | null) =>
          (list ?? []).map(({ name }) => name).filter((n) => !own.includes(n));
        const after = inject(before);
        for (const list of ['containers', 'initContainers', 'volumes']) {
          assert.deepEqual(others(after.spec[list]), others(before.spec[list]));
        }
      }),
    );
  });
});

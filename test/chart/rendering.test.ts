import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { PORTS, PROXY_UID } from '../../api/names.ts';
import {
  chartDirectory,
  HELMS,
  has,
  type KubernetesObject,
  NAMESPACE,
  pick,
  render,
  type Values,
} from './helm.ts';
import { restrictedViolations } from './restricted.ts';

const ALL_ON: Values = {
  image: { repository: 'example.test/mesh/weft', digest: `sha256:${'a'.repeat(64)}` },
  imagePullSecrets: [{ name: 'regcred' }],
  commonLabels: { team: 'mesh', 'app.kubernetes.io/name': 'not-weft' },
  commonAnnotations: { owner: 'mesh' },
  operator: {
    replicas: 3,
    priorityClassName: 'system-cluster-critical',
    podLabels: { 'weft.dev/inject': 'enabled' },
    podAnnotations: { a: 'b' },
    serviceAccountAnnotations: { c: 'd' },
    tolerations: [{ key: 'dedicated', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
  },
  injector: {
    replicas: 2,
    failurePolicy: 'Ignore',
    allowedAnnotations: ['image', 'skip-inbound-ports'],
    excludedNamespaces: ['legacy'],
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'rack', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
    ],
  },
  podMonitor: { operator: true, sidecars: true, labels: { release: 'prometheus' } },
  networkPolicy: { enabled: true },
};
const ALL_OFF: Values = {
  operator: { replicas: 1 },
  injector: { replicas: 1, rejectUninjected: false },
  crds: { enabled: false },
  tests: { enabled: false },
};

/** The pod of a Deployment, or the Pod itself. */
function podsOf(objects: readonly KubernetesObject[]): KubernetesObject[] {
  return objects.flatMap((object) =>
    object.kind === 'Pod' ? [object] : object.spec?.template?.spec ? [object.spec.template] : [],
  );
}

function variablesOf(objects: readonly KubernetesObject[], deployment: string): Record<string, string> {
  const { env } = pick(objects, 'Deployment', deployment).spec.template.spec.containers[0];
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }: KubernetesObject) => [name, value ?? valueFrom.fieldRef.fieldPath]),
  );
}

describe('the chart, rendered', () => {
  let defaults: KubernetesObject[];
  let on: KubernetesObject[];
  let off: KubernetesObject[];
  before(async () => {
    [defaults, on, off] = await Promise.all([render(), render(ALL_ON), render(ALL_OFF)]);
  });

  it('is the same under helm 3 and helm 4', async () => {
    const byKindAndName = (objects: KubernetesObject[]) =>
      Object.fromEntries(objects.map((object) => [`${object.kind}/${object.metadata.name}`, object]));
    const version = ['--kube-version', '1.34.0'];
    const [three, four] = await Promise.all(HELMS.map((helm) => render(ALL_ON, { helm, args: version })));
    assert.deepEqual(byKindAndName(three!), byKindAndName(four!));
  });

  it('lets every pod of it pass the restricted profile of Pod Security', () => {
    for (const objects of [defaults, on, off]) {
      const pods = podsOf(objects);
      assert.ok(pods.length >= 2);
      for (const pod of pods) assert.deepEqual(restrictedViolations(pod), []);
    }
  });

  it('runs everything as the user id of the image', () => {
    for (const pod of podsOf(defaults)) assert.equal(pod.spec.securityContext.runAsUser, PROXY_UID);
  });

  it('asks for CPU and memory, and limits memory alone', () => {
    for (const { spec } of podsOf(defaults)) {
      for (const { resources } of spec.containers) {
        assert.deepEqual(Object.keys(resources.requests).sort(), ['cpu', 'memory']);
        assert.deepEqual(Object.keys(resources.limits), ['memory']);
      }
    }
  });

  it('never puts the control plane into its own mesh, not even when asked to', () => {
    for (const pod of podsOf(on)) assert.equal(pod.metadata.labels['weft.dev/inject'], 'disabled');
  });

  it('selects exactly the pods of each component, whatever labels are added', () => {
    for (const name of ['weft-operator', 'weft-injector']) {
      const { spec } = pick(on, 'Deployment', name);
      for (const [label, value] of Object.entries(spec.selector.matchLabels)) {
        assert.equal(spec.template.metadata.labels[label], value);
      }
      assert.deepEqual(pick(on, 'Service', name).spec.selector, spec.selector.matchLabels);
      assert.deepEqual(pick(on, 'PodDisruptionBudget', name).spec.selector, spec.selector);
      assert.deepEqual(pick(on, 'NetworkPolicy', name).spec.podSelector, spec.selector);
    }
  });

  it('labels and annotates every object', () => {
    for (const { kind, metadata } of on) {
      assert.equal(metadata.labels['app.kubernetes.io/part-of'], 'weft', kind);
      assert.equal(metadata.labels['app.kubernetes.io/name'], 'weft', kind);
      assert.equal(metadata.labels.team, 'mesh', kind);
      assert.equal(metadata.annotations.owner, 'mesh', kind);
    }
  });

  it('serves the ports of the contract', () => {
    const target = (name: string) => {
      const [port] = pick(defaults, 'Service', name).spec.ports;
      const { ports } = pick(defaults, 'Deployment', name).spec.template.spec.containers[0];
      const found = ports.find((each: KubernetesObject) => each.name === port.targetPort);
      return [port.port, found.containerPort];
    };
    assert.deepEqual(target('weft-operator'), [PORTS.stream, PORTS.stream]);
    assert.deepEqual(target('weft-injector'), [443, PORTS.injector]);
  });

  it('has disruption budgets only where there is more than one replica', () => {
    assert.equal(has(defaults, 'PodDisruptionBudget'), true);
    assert.equal(has(off, 'PodDisruptionBudget'), false);
  });

  it('spreads pods over zones and nodes unless told otherwise', () => {
    const spread = (objects: KubernetesObject[], name: string) =>
      pick(objects, 'Deployment', name).spec.template.spec.topologySpreadConstraints.map(
        (each: KubernetesObject) => each.topologyKey,
      );
    const usual = ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'];
    assert.deepEqual(spread(defaults, 'weft-injector'), usual);
    assert.deepEqual(spread(on, 'weft-injector'), ['rack']);
    assert.deepEqual(spread(on, 'weft-operator'), usual);
  });

  it('takes the digest before the tag, and gives pods the same image as the control plane', () => {
    const digest = `example.test/mesh/weft@sha256:${'a'.repeat(64)}`;
    for (const { spec } of podsOf(on)) {
      assert.equal(spec.containers[0].image, digest);
      assert.deepEqual(spec.imagePullSecrets, [{ name: 'regcred' }]);
    }
    assert.equal(variablesOf(on, 'weft-injector').WEFT_IMAGE, digest);
  });

  it('gives the operator authorities for servers of key sets, of a ConfigMap or of one key of a Secret', async () => {
    const path = '/etc/weft/jwks-ca';
    for (const [jwksCa, volume] of [
      [{ configMap: 'roots' }, { configMap: { name: 'roots', items: [{ key: 'ca.crt', path: 'ca.crt' }] } }],
      [
        { secret: 'idp-tls', key: 'root.pem' },
        { secret: { secretName: 'idp-tls', items: [{ key: 'root.pem', path: 'ca.crt' }] } },
      ],
    ] as const) {
      const objects = await render({ operator: { jwksCa } });
      const { spec } = pick(objects, 'Deployment', 'weft-operator').spec.template;
      assert.deepEqual(spec.volumes, [{ name: 'jwks-ca', ...volume }]);
      assert.deepEqual(spec.containers[0].volumeMounts, [
        { name: 'jwks-ca', mountPath: path, readOnly: true },
      ]);
      assert.equal(variablesOf(objects, 'weft-operator').WEFT_JWKS_CA_FILE, `${path}/ca.crt`);
      const pods = podsOf(objects);
      assert.deepEqual(pods.flatMap(restrictedViolations), []);
    }
  });

  it('mounts no authorities where none are named, and refuses two sources of them', async () => {
    const { spec } = pick(defaults, 'Deployment', 'weft-operator').spec.template;
    assert.deepEqual([spec.volumes, spec.containers[0].volumeMounts], [undefined, undefined]);
    assert.equal('WEFT_JWKS_CA_FILE' in variablesOf(defaults, 'weft-operator'), false);
    const both = { operator: { jwksCa: { configMap: 'roots', secret: 'idp-tls' } } };
    await assert.rejects(render(both), /operator.jwksCa: set configMap or secret, not both/);
  });

  it('installs, without the optional parts, nothing of them', () => {
    for (const kind of ['CustomResourceDefinition', 'Pod', 'NetworkPolicy', 'PodMonitor']) {
      assert.equal(has(off, kind), false, kind);
    }
    assert.equal(has(off, 'ValidatingAdmissionPolicy', 'weft-uninjected'), false);
    assert.equal(has(off, 'ValidatingAdmissionPolicy', 'weft-operator-secrets'), true);
  });

  it('leaves out what Kubernetes 1.29 does not serve, and refuses 1.28', async () => {
    const old = await render({}, { args: ['--kube-version', '1.29.0'] });
    assert.equal(has(old, 'ValidatingAdmissionPolicy'), false);
    await assert.rejects(render({}, { args: ['--kube-version', '1.28.9'] }), /kubeVersion/);
  });

  it('monitors the control plane and, once a pod, the sidecars of all namespaces', () => {
    const sidecars = pick(on, 'PodMonitor', 'weft-sidecars');
    assert.equal(sidecars.metadata.labels.release, 'prometheus');
    assert.deepEqual(sidecars.spec.namespaceSelector, { any: true });
    const kept = sidecars.spec.podMetricsEndpoints[0].relabelings.map((each: KubernetesObject) => each.regex);
    assert.deepEqual(kept, ['weft-sidecar']);
    assert.ok(has(on, 'PodMonitor', 'weft-operator'));
  });

  it('renders no Secret: the root of trust is made in the cluster', () => {
    for (const objects of [defaults, on]) assert.equal(has(objects, 'Secret'), false);
  });

  it('has the generated definition, marked to be kept', async () => {
    const source = parse(readFileSync(join(chartDirectory, '../../crds/weft.dev_meshpolicies.yaml'), 'utf8'));
    const rendered = pick(defaults, 'CustomResourceDefinition');
    assert.deepEqual(rendered.spec, source.spec);
    assert.equal(rendered.metadata.name, source.metadata.name);
    assert.equal(rendered.metadata.annotations['helm.sh/resource-policy'], 'keep');
    const unkept = pick(await render({ crds: { keep: false } }), 'CustomResourceDefinition');
    assert.equal(unkept.metadata.annotations, undefined);
    assert.deepEqual(unkept.spec, source.spec);
  });

  it('has a copy of the definition that equals its source, byte for byte', () => {
    const read = (path: string) => readFileSync(join(chartDirectory, path), 'utf8');
    const copy = read('files/crds/weft.dev_meshpolicies.yaml');
    assert.equal(copy, read('../../crds/weft.dev_meshpolicies.yaml'));
    // The template puts labels and annotations there, as text.
    assert.equal(copy.split('\nmetadata:\n  name:').length, 2);
    assert.doesNotMatch(copy.split('\nspec:\n')[0]!, /annotations|labels/);
  });

  it('puts the release namespace wherever a name of the control plane stands', async () => {
    const elsewhere = await render({}, { namespace: 'mesh' });
    assert.doesNotMatch(JSON.stringify(elsewhere), new RegExp(NAMESPACE));
    const variables = variablesOf(elsewhere, 'weft-injector');
    assert.equal(variables.WEFT_CONTROL_PLANE_ADDRESS, `weft-operator.mesh.svc:${PORTS.stream}`);
    assert.equal(variables.WEFT_CONTROL_PLANE_ID, 'spiffe://cluster.local/ns/mesh/sa/weft-operator');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Container, V1PodSecurityContext } from '@kubernetes/client-node';
import { mislabelledNamespaces, refusedPods, refusingNamespaces } from './refused-pods.ts';

describe('a namespace whose Pod Security refuses sidecars', () => {
  const of = (labels: Record<string, string> | undefined) => [
    ...refusingNamespaces([{ metadata: { name: 'shop', ...(labels && { labels }) } }]),
  ];
  const enforce = 'pod-security.kubernetes.io/enforce';
  const optedIn = { 'weft.dev/inject': 'enabled' };

  for (const level of ['baseline', 'restricted']) {
    it(`is one that is opted in and enforces ${level}`, () => {
      assert.deepEqual(of({ ...optedIn, [enforce]: level }), [['shop', level]]);
    });
  }
  it('is none that is not opted in, enforces no such level, or only warns', () => {
    assert.deepEqual(of({ [enforce]: 'baseline' }), []);
    assert.deepEqual(of({ ...optedIn, [enforce]: 'privileged' }), []);
    assert.deepEqual(of({ ...optedIn, 'pod-security.kubernetes.io/warn': 'restricted' }), []);
    assert.deepEqual(of(undefined), []);
  });
});

it('a namespace is mislabelled whose label of injection is neither enabled nor disabled', () => {
  const labels = { on: 'enabled', off: 'disabled', yes: 'true', empty: '' };
  const namespaces = Object.entries(labels).map(([name, value]) => ({
    metadata: { name, labels: { 'weft.dev/inject': value } },
  }));
  const found = mislabelledNamespaces([...namespaces, { metadata: { name: 'bare' } }]);
  assert.deepEqual(
    [...found],
    [
      ['yes', 'true'],
      ['empty', ''],
    ],
  );
});

describe('a pod that the injector would refuse', () => {
  const reasonOf = (
    container: Partial<V1Container>,
    securityContext?: V1PodSecurityContext,
    more: V1Container[] = [],
  ) => {
    const pod = {
      metadata: { name: 'web', namespace: 'shop' },
      spec: {
        containers: [{ name: 'app', ...container }, ...more],
        ...(securityContext && { securityContext }),
      },
    };
    return refusedPods([pod]).get('shop/web');
  };

  it('runs a container as the user of the sidecar, by its own word or that of the pod', () => {
    const said = "container app runs as user 15015, which is the sidecar's";
    assert.equal(reasonOf({ securityContext: { runAsUser: 15015 } }), said);
    assert.equal(reasonOf({}, { runAsUser: 15015 }), said);
    assert.equal(reasonOf({ securityContext: { runAsUser: 1000 } }, { runAsUser: 15015 }), undefined);
  });
  it('declares a TCP port of the sidecar', () => {
    assert.match(reasonOf({ ports: [{ containerPort: 15006 }] })!, /declares port 15006/);
    assert.equal(reasonOf({ ports: [{ containerPort: 15006, protocol: 'UDP' }] }), undefined);
    assert.equal(reasonOf({ ports: [{ containerPort: 8080 }] }), undefined);
  });
  it('has no sidecar yet', () => {
    const sidecar = { name: 'weft-sidecar', securityContext: { runAsUser: 15015 } };
    assert.equal(reasonOf({}, undefined, [sidecar]), undefined);
  });
  it('is none without a name or a spec', () => {
    assert.equal(refusedPods([{}, { metadata: { name: 'web', namespace: 'shop' } }]).size, 0);
  });
});

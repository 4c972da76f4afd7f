import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import { translatePod } from './pod.ts';

const metadata = { namespace: 'shop', name: 'web-1', uid: 'u1' };
const container = { name: 'app' };
const volume = (secretName: string, name = 'weft-proxy') => ({ name, secret: { secretName } });

function pod(more: { metadata?: object; spec?: object; status?: object } = {}): V1Pod {
  const spec = { containers: [container], ...more.spec };
  return { metadata: { ...metadata, ...more.metadata }, spec, status: { ...more.status } } as V1Pod;
}

describe('translatePod', () => {
  it('keeps what the mesh needs of a running pod', () => {
    const workload = translatePod(
      pod({
        metadata: { labels: { app: 'web', tier: 'front' } },
        spec: {
          serviceAccountName: 'web',
          volumes: [volume('weft-proxy-abc')],
          containers: [{ ...container, ports: [{ name: 'http', containerPort: 8080 }] }],
        },
        status: {
          phase: 'Running',
          podIP: '10.0.0.1',
          podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      }),
    );
    assert.deepEqual(workload, {
      key: 'shop/web-1',
      namespace: 'shop',
      name: 'web-1',
      uid: 'u1',
      serviceAccount: 'web',
      labels: { app: 'web', tier: 'front' },
      app: 'web',
      addresses: ['10.0.0.1', 'fd00::1'],
      ready: true,
      finished: false,
      proxyId: 'abc',
      ports: [{ name: 'http', port: 8080 }],
    });
  });

  it('takes a pod that has nothing yet', () => {
    const workload = translatePod({ metadata } as V1Pod);
    assert.deepEqual(workload?.addresses, []);
    assert.equal(workload?.serviceAccount, 'default');
    assert.equal(workload?.proxyId, undefined);
    assert.deepEqual([workload?.ready, workload?.finished], [false, false]);
  });

  for (const missing of ['namespace', 'name', 'uid']) {
    it(`is nothing without ${missing}`, () => {
      assert.equal(translatePod(pod({ metadata: { [missing]: undefined } })), undefined);
    });
  }

  it('gives finished pods neither addresses nor readiness: the address may be another’s by now', () => {
    const conditions = [{ type: 'Ready', status: 'True' }];
    for (const phase of ['Succeeded', 'Failed']) {
      const workload = translatePod(pod({ status: { phase, podIP: '10.0.0.1', conditions } }));
      assert.deepEqual([workload?.finished, workload?.ready, workload?.addresses], [true, false, []]);
    }
    assert.equal(translatePod(pod({ status: { phase: 'Pending' } }))?.finished, false);
  });

  it('gives pods on the host’s network no address: it is the node’s', () => {
    const workload = translatePod(pod({ spec: { hostNetwork: true }, status: { podIP: '192.168.0.1' } }));
    assert.deepEqual(workload?.addresses, []);
  });

  it('knows a pod that is told to end', () => {
    const deletionTimestamp = '2026-06-01T12:00:00Z';
    assert.equal(translatePod(pod({ metadata: { deletionTimestamp } }))?.terminating, true);
    assert.equal(translatePod(pod())?.terminating, undefined);
  });

  it('is ready only when the condition says so', () => {
    const ready = (conditions: object[]) => translatePod(pod({ status: { conditions } }))?.ready;
    assert.equal(ready([{ type: 'Ready', status: 'False' }]), false);
    assert.equal(ready([{ type: 'ContainersReady', status: 'True' }]), false);
    assert.equal(ready([{ type: 'Ready', status: 'Unknown' }]), false);
    assert.equal(ready([{ type: 'Ready', status: 'True' }]), true);
  });

  describe('whose node has not been heard of', () => {
    const unheard = (conditions: Record<string, string>, more: object = {}, phase = 'Running') => {
      const list = Object.entries(conditions).map(([type, status]) => ({ type, status }));
      return translatePod(pod({ ...more, status: { phase, conditions: list } }))?.unheard;
    };
    const gates = { spec: { readinessGates: [{ conditionType: 'example.com/warm' }] } };

    it('is known by containers that are ready in a pod that is not', () => {
      assert.equal(unheard({ Ready: 'False', ContainersReady: 'True' }), true);
      const warm = { Ready: 'False', ContainersReady: 'True', 'example.com/warm': 'True' };
      assert.equal(unheard(warm, gates), true);
    });

    it('is none that is ready, whose kubelet says no, whose gate is closed, or that ends or has ended', () => {
      assert.equal(unheard({ Ready: 'True', ContainersReady: 'True' }), undefined);
      assert.equal(unheard({ Ready: 'False', ContainersReady: 'False' }), undefined);
      assert.equal(unheard({ Ready: 'False', ContainersReady: 'True' }, gates), undefined);
      const cold = { Ready: 'False', ContainersReady: 'True', 'example.com/warm': 'False' };
      assert.equal(unheard(cold, gates), undefined);
      const deleted = { metadata: { deletionTimestamp: '2026-06-01T12:00:00Z' } };
      assert.equal(unheard({ Ready: 'False', ContainersReady: 'True' }, deleted), undefined);
      assert.equal(unheard({ Ready: 'False', ContainersReady: 'True' }, {}, 'Succeeded'), undefined);
    });
  });

  describe('proxy id', () => {
    const idOf = (spec: object, annotations = {}) =>
      translatePod(pod({ spec, metadata: { annotations } }))?.proxyId;

    it('comes from the Secret volume, never from the annotation', () => {
      const annotations = { 'weft.dev/proxy': 'stolen' };
      assert.equal(idOf({}, annotations), undefined);
      assert.equal(idOf({ volumes: [volume('weft-proxy-own')] }, annotations), 'own');
    });

    for (const [what, volumes] of Object.entries<object[]>({
      'another volume': [volume('weft-proxy-abc', 'other')],
      'another Secret': [volume('database-password')],
      'a Secret without id': [volume('weft-proxy-')],
      'an id with a dot': [volume('weft-proxy-a.b')],
      'an id with a slash': [volume('weft-proxy-../weft-ca')],
      'an id in upper case': [volume('weft-proxy-ABC')],
      'an id that ends with a dash': [volume('weft-proxy-abc-')],
      'an id that is too long': [volume(`weft-proxy-${'a'.repeat(64)}`)],
      'a volume that is no Secret': [{ name: 'weft-proxy', emptyDir: {} }],
      'a projected Secret': [
        { name: 'weft-proxy', projected: { sources: [{ secret: { name: 'weft-proxy-a' } }] } },
      ],
    })) {
      it(`is not taken from ${what}`, () => {
        assert.equal(idOf({ volumes }), undefined);
      });
    }
  });

  it('is as old as the API server says', () => {
    const at = (creationTimestamp: unknown) => translatePod(pod({ metadata: { creationTimestamp } }));
    assert.equal(at('2026-01-01T00:00:00Z')?.createdAt, '2026-01-01T00:00:00Z');
    for (const unknown of [undefined, null, '', 7]) assert.equal('createdAt' in at(unknown)!, false);
  });

  describe('ports that go past the sidecar', () => {
    const env = [{ name: 'WEFT_SKIP_INBOUND_PORTS', value: '9092, 22,9092' }];
    const skipped = (spec: object, metadata = {}) =>
      translatePod(pod({ spec, metadata }))?.skippedInboundPorts;

    it('are those the init container was told', () => {
      assert.deepEqual(skipped({ initContainers: [{ name: 'weft-init', env }] }), [22, 9092]);
    });
    it('are never those of the annotation, which may change without effect', () => {
      const metadata = { annotations: { 'weft.dev/skip-inbound-ports': '80' } };
      assert.equal(skipped({}, metadata), undefined);
      assert.deepEqual(skipped({ initContainers: [{ name: 'weft-init', env }] }, metadata), [22, 9092]);
    });
    for (const [what, initContainers] of Object.entries<object[]>({
      'another init container': [{ name: 'migrate', env }],
      'an init container without environment': [{ name: 'weft-init' }],
      'an empty list': [{ name: 'weft-init', env: [{ name: 'WEFT_SKIP_INBOUND_PORTS', value: '' }] }],
      'a variable that is read from elsewhere': [
        { name: 'weft-init', env: [{ name: 'WEFT_SKIP_INBOUND_PORTS', valueFrom: {} }] },
      ],
      'what are no ports': [
        { name: 'weft-init', env: [{ name: 'WEFT_SKIP_INBOUND_PORTS', value: '0,65536,-1,http,1e3,08' }] },
      ],
    })) {
      it(`are none with ${what}`, () => assert.equal(skipped({ initContainers }), undefined));
    }
  });

  describe('ports', () => {
    it('come from containers and native sidecars, TCP only, not from init containers or ourselves', () => {
      const at = (containerPort: number, more = {}) => ({ ports: [{ containerPort, ...more }] });
      const workload = translatePod(
        pod({
          spec: {
            initContainers: [
              { name: 'migrate', ...at(1) },
              { name: 'weft-sidecar', restartPolicy: 'Always', ...at(15020) },
              { name: 'cache', restartPolicy: 'Always', ...at(6379, { name: 'redis' }) },
            ],
            containers: [
              { name: 'app', ...at(8080, { protocol: 'TCP' }) },
              { name: 'dns', ...at(53, { protocol: 'UDP' }) },
              { name: 'sctp', ...at(9, { protocol: 'SCTP' }) },
              { name: 'none' },
            ],
          },
        }),
      );
      assert.deepEqual(workload?.ports, [
        { name: 'redis', port: 6379 },
        { name: undefined, port: 8080 },
      ]);
    });
  });

  describe('app', () => {
    const owned = (kind: string, name: string, labels = {}) => ({
      metadata: { labels, ownerReferences: [{ apiVersion: 'v1', kind, name, uid: 'x', controller: true }] },
    });
    for (const [what, parts, app] of [
      ['the recommended label', { metadata: { labels: { 'app.kubernetes.io/name': 'a', app: 'b' } } }, 'a'],
      ['label app', { metadata: { labels: { app: 'b' } } }, 'b'],
      [
        'label app when the other is empty',
        { metadata: { labels: { 'app.kubernetes.io/name': '', app: 'b' } } },
        'b',
      ],
      ['the Deployment', owned('ReplicaSet', 'web-5d9c', { 'pod-template-hash': '5d9c' }), 'web'],
      ['a ReplicaSet of its own', owned('ReplicaSet', 'web-5d9c'), 'web-5d9c'],
      ['a StatefulSet', owned('StatefulSet', 'db'), 'db'],
      ['a Job', owned('Job', 'import'), 'import'],
      ['a CronJob', owned('Job', 'backup-29384756'), 'backup'],
      ['the pod itself', {}, 'web-1'],
    ] as const) {
      it(`is named after ${what}`, () => {
        assert.equal(translatePod(pod(parts))?.app, app);
      });
    }

    it('is not named after an owner that does not control it', () => {
      const parts = owned('StatefulSet', 'db');
      const [owner] = parts.metadata.ownerReferences;
      const ownerReferences = [{ ...owner, controller: false }];
      assert.equal(translatePod(pod({ metadata: { ownerReferences } }))?.app, 'web-1');
    });
  });
});

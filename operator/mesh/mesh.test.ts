import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import {
  keySet,
  meshOf,
  policy,
  referenceGrant,
  remove,
  SETTINGS,
  service,
  set,
  slice,
  workload,
} from '../testing/builders.ts';
import { Mesh } from './mesh.ts';
import type { Change } from './model.ts';

const STRICT = { inbound: { mtls: { mode: 'Strict' } } } as const;

describe('the mesh', () => {
  it('says nothing is dirty when the same object comes again', () => {
    const mesh = meshOf(set('Workload', workload('shop/web')), set('Service', service('shop/web')));
    const again = [...set('Workload', workload('shop/web')), ...set('Service', service('shop/web'))];
    assert.equal(mesh.apply(again).isEmpty, true);
  });

  it('marks a workload that changed, and what leads to its address', () => {
    const mesh = meshOf(set('Workload', workload('shop/web', { addresses: ['10.0.0.1'] })));
    const dirty = mesh.apply(set('Workload', workload('shop/web', { addresses: ['10.0.0.2'] })));
    assert.deepEqual([...dirty.workloads], ['shop/web']);
    assert.deepEqual([...dirty.hosts].sort(), ['10.0.0.1', '10.0.0.2']);
  });

  it('marks the addresses of a Service when an endpoint behind it gets an identity', () => {
    const bare = workload('shop/pay', { addresses: ['10.0.0.1'], proxyId: undefined });
    const mesh = meshOf(
      set('Workload', bare),
      set('Service', service('shop/pay', { addresses: ['10.96.0.1'] })),
      set('EndpointSlice', slice('shop/pay', { 'shop/pay': '10.0.0.1' })),
    );
    const dirty = mesh.apply(set('Workload', { ...bare, proxyId: 'a' }));
    assert.deepEqual([...dirty.hosts].sort(), ['10.0.0.1', '10.96.0.1', 'shop/pay']);
  });

  it('marks the old cluster IP of a Service that lost it', () => {
    const mesh = meshOf(set('Service', service('shop/pay', { addresses: ['10.96.0.1'] })));
    const dirty = mesh.apply([remove('Service', 'shop/pay')]);
    assert.deepEqual([...dirty.hosts].sort(), ['10.96.0.1', 'shop/pay']);
    assert.equal(mesh.serviceByAddress('10.96.0.1'), undefined);
  });

  it('marks the workloads of its namespace when a policy changes, and no others', () => {
    const mesh = meshOf(set('Workload', workload('shop/web'), workload('shop/pay'), workload('ops/cron')));
    const dirty = mesh.apply(set('Policy', policy('shop/strict', STRICT)));
    assert.deepEqual([...dirty.workloads].sort(), ['shop/pay', 'shop/web']);
    assert.deepEqual([...dirty.policies], ['shop/strict']);
  });

  it('marks every workload when a policy about the whole mesh changes', () => {
    const mesh = meshOf(set('Workload', workload('shop/web'), workload('ops/cron')));
    const all = policy(`${SETTINGS.controlPlaneNamespace}/all`, { target: { kind: 'Mesh' }, ...STRICT });
    const dirty = mesh.apply(set('Policy', all));
    assert.deepEqual([...dirty.workloads].sort(), ['ops/cron', 'shop/web']);
  });

  it('marks only what the target selects, as it was and as it is', () => {
    const app = (name: string) => ({
      target: { kind: 'Workload' as const, selector: { matchLabels: { app: name } } },
    });
    const mesh = meshOf(
      set('Workload', workload('shop/a'), workload('shop/b'), workload('shop/c'), workload('ops/a')),
      set(
        'Policy',
        policy('shop/p', { ...app('a'), ...STRICT }),
        policy('shop/q', { ...app('c'), ...STRICT }),
      ),
    );
    const dirty = mesh.apply(set('Policy', policy('shop/p', { ...app('b'), ...STRICT })));
    assert.deepEqual([...dirty.workloads].sort(), ['shop/a', 'shop/b']);
    assert.deepEqual([...dirty.policies], ['shop/p']);
    assert.equal(dirty.hosts.size, 0);
  });

  it('marks what an accepted revision targets when the policy’s newest spec is about something else', () => {
    const about = (name: string) => ({ target: { kind: 'Service' as const, name }, ...STRICT });
    const revision = { key: 'shop/p', uid: 'uid-of-shop/p', generation: 1, spec: about('a') };
    const mesh = meshOf(
      set('Workload', workload('shop/a'), workload('shop/b')),
      set('Service', service('shop/a'), service('shop/b')),
      set('Policy', policy('shop/p', about('b'), { generation: 2 })),
    );
    assert.deepEqual([...mesh.apply(set('AcceptedRevision', revision)).workloads].sort(), [
      'shop/a',
      'shop/b',
    ]);
  });

  it('marks the policies, and what they are about, that name a key set which changed', () => {
    const uri = 'https://id.example/keys';
    const issuers = [{ name: 'id', issuer: 'https://id.example', jwks: { type: 'URI' as const, uri } }];
    const mesh = meshOf(
      set('Workload', workload('shop/web'), workload('ops/cron')),
      set('Policy', policy('shop/jwt', { inbound: { jwt: { issuers } } }), policy('shop/other', STRICT)),
    );
    assert.deepEqual(mesh.keySetUris(), [uri]);
    const dirty = mesh.apply(set('KeySet', keySet(uri, [{ kty: 'OKP' }])));
    assert.deepEqual([...dirty.workloads], ['shop/web']);
    assert.ok(dirty.policies.has('shop/jwt'));
    assert.equal(mesh.apply(set('KeySet', keySet('https://other.example/keys'))).isEmpty, true);
  });

  describe('of a Service whose policy leads to another', () => {
    const routes = [{ name: 'all', backends: [{ service: 'canary', namespace: 'ops' }] }];
    const leading = policy('shop/p', { target: { kind: 'Service', name: 'pay' }, traffic: { routes } });
    const mesh = () =>
      meshOf(
        set('Workload', workload('ops/canary', { addresses: ['10.0.0.1'] })),
        set('Service', service('shop/pay', { addresses: ['10.96.0.1'] }), service('ops/canary')),
        set('EndpointSlice', slice('ops/canary', { 'ops/canary': '10.0.0.1' })),
        set('Policy', leading),
      );
    const changes: [string, Change[]][] = [
      ['endpoints', set('EndpointSlice', slice('ops/canary', {}))],
      [
        'labels of what is behind it',
        set('Workload', workload('ops/canary', { addresses: ['10.0.0.1'], labels: {} })),
      ],
      [
        'ports',
        set('Service', service('ops/canary', { ports: [{ name: 'a', port: 80, protocol: 'HTTP' }] })),
      ],
      [
        'policies',
        set(
          'Policy',
          policy('ops/q', { target: { kind: 'Service', name: 'canary' }, traffic: { protocol: 'HTTP' } }),
        ),
      ],
      ['consent', set('ReferenceGrant', referenceGrant('ops/g', ['shop']))],
    ];
    for (const [what, change] of changes) {
      it(`marks it when the other’s ${what} change`, () => {
        const dirty = mesh().apply(change);
        assert.ok(dirty.hosts.has('shop/pay'));
        assert.ok(dirty.hosts.has('10.96.0.1'));
        assert.ok(dirty.policies.has('shop/p'));
      });
    }
  });

  it('marks all pods of a Service when one of them decides which port a policy’s protocol is of', () => {
    const spec = {
      target: { kind: 'Service' as const, name: 'pay', ports: ['web'] },
      traffic: { protocol: 'HTTP' as const },
    };
    const labels = { app: 'pay' };
    const mesh = meshOf(
      set('Workload', workload('shop/one', { labels }), workload('shop/two', { labels })),
      set('Service', service('shop/pay')),
      set('EndpointSlice', slice('shop/pay', { 'shop/one': '10.0.0.1' })),
      set('Policy', policy('shop/p', spec)),
    );
    const one = workload('shop/one', { labels, ports: [{ name: 'web', port: 8080 }] });
    assert.deepEqual([...mesh.apply(set('Workload', one)).workloads].sort(), ['shop/one', 'shop/two']);
  });

  it('indexes nothing of a spec that is no spec', () => {
    const nonsense = [
      { inbound: { jwt: { issuers: 'all' } } },
      { target: 5 },
      { traffic: { routes: [null] } },
      { targetRefs: {} },
    ];
    for (const spec of nonsense) {
      const mesh = meshOf(set('Workload', workload('shop/web')));
      const dirty = mesh.apply(set('Policy', policy('shop/p', spec as unknown as MeshPolicySpec)));
      assert.deepEqual([...dirty.policies], ['shop/p']);
      assert.deepEqual(mesh.apply([remove('Policy', 'shop/p')]).policies.has('shop/p'), true);
    }
  });

  it('marks a consumer when it changes, because what it sees of others may', () => {
    const mesh = meshOf(set('Workload', workload('shop/web'), workload('shop/pay')));
    const dirty = mesh.apply(set('Workload', workload('shop/web', { labels: { version: 'v2' } })));
    assert.deepEqual([...dirty.consumers], ['shop/web']);
  });

  it('takes a change of a policy’s status for none', () => {
    const mesh = meshOf(set('Policy', policy('shop/strict', STRICT)));
    const proxies = { targeted: 0, inForce: 0, lagging: 0, refused: 0 };
    const status = { observedGeneration: 1, conditions: [], proxies, laggards: [] };
    assert.equal(mesh.apply(set('Policy', policy('shop/strict', STRICT, { status }))).isEmpty, true);
    assert.deepEqual(mesh.policy('shop/strict')?.status, status);
  });

  it('finds the Services that select a workload before it is an endpoint', () => {
    const mesh = meshOf(
      set('Workload', workload('shop/pay')),
      set('Service', service('shop/pay'), service('shop/other')),
    );
    const services = mesh.servicesOver(mesh.workload('shop/pay')!);
    assert.deepEqual(
      services.map(({ key }) => key),
      ['shop/pay'],
    );
  });

  it('keeps an endpoint that two slices list when one of them goes', () => {
    const one = slice('shop/pay', { 'shop/pay': '10.0.0.1' });
    const mesh = meshOf(
      set('Workload', workload('shop/pay', { labels: {} })),
      set('Service', service('shop/pay')),
      set('EndpointSlice', one, { ...one, key: 'shop/pay-2' }),
    );
    mesh.apply([remove('EndpointSlice', 'shop/pay-1')]);
    assert.equal(mesh.servicesOver(mesh.workload('shop/pay')!).length, 1);
    mesh.apply([remove('EndpointSlice', 'shop/pay-2')]);
    assert.equal(mesh.servicesOver(mesh.workload('shop/pay')!).length, 0);
  });

  it('does not take the accepted revision of a deleted policy for one of its name', () => {
    const old = { key: 'shop/a', uid: 'old', generation: 7, spec: STRICT };
    const mesh = meshOf(set('Policy', policy('shop/a', STRICT)), set('AcceptedRevision', old));
    assert.equal(mesh.accepted(mesh.policy('shop/a')!), undefined);
  });
});

describe('a proxy id', () => {
  const first = workload('shop/a', { proxyId: 'x', createdAt: '2026-01-01T00:00:00Z' });
  const copy = workload('evil/b', { proxyId: 'x', createdAt: '2026-01-02T00:00:00Z' });

  for (const order of [
    [first, copy],
    [copy, first],
  ]) {
    it(`belongs to the older pod when ${order[0]!.key} is seen first`, () => {
      const mesh = meshOf(set('Workload', ...order));
      assert.equal(mesh.workloadByProxyId('x')?.key, 'shop/a');
      assert.equal(mesh.isMeshed(mesh.workload('evil/b')!), false);
      assert.deepEqual(
        mesh.duplicates().map(({ key }) => key),
        ['evil/b'],
      );
    });
  }

  it('stays with the pod that has it when nothing says which is older', () => {
    const mesh = new Mesh(SETTINGS);
    mesh.apply(set('Workload', workload('shop/z', { proxyId: 'x', uid: 'z' })));
    mesh.apply(set('Workload', workload('evil/a', { proxyId: 'x', uid: 'a' })));
    assert.equal(mesh.workloadByProxyId('x')?.key, 'shop/z');
  });

  it('passes on when its pod goes, and both are marked', () => {
    const mesh = meshOf(set('Workload', first, copy));
    const dirty = mesh.apply([remove('Workload', 'shop/a')]);
    assert.deepEqual([...dirty.workloads].sort(), ['evil/b', 'shop/a']);
    assert.equal(mesh.workloadByProxyId('x')?.key, 'evil/b');
  });

  it('belongs to nobody once its pod has finished', () => {
    const mesh = meshOf(set('Workload', { ...first, finished: true }));
    assert.equal(mesh.workloadByProxyId('x'), undefined);
    assert.equal(mesh.isMeshed(mesh.workload('shop/a')!), false);
  });
});

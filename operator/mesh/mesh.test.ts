import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meshOf, policy, remove, SETTINGS, service, set, slice, workload } from '../testing/builders.ts';
import { Mesh } from './mesh.ts';

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

  it('marks every workload when a policy of the control plane’s namespace changes', () => {
    const mesh = meshOf(set('Workload', workload('shop/web'), workload('ops/cron')));
    const dirty = mesh.apply(set('Policy', policy(`${SETTINGS.controlPlaneNamespace}/all`, STRICT)));
    assert.deepEqual([...dirty.workloads].sort(), ['ops/cron', 'shop/web']);
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

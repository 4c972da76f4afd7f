import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Route } from '../../../api/mesh-policy.ts';
import { policy, service, set, slice, workload } from '../../testing/builders.ts';
import { addresses, compile, PORTS, references, routing, SERVICE, to, v, WEB } from '../../testing/routed.ts';

describe('the backends of a route', () => {
  it('are the Service itself where they name it and its port, or none', () => {
    const { backends, traffic } = compile([to({ service: 'pay' }, { service: 'pay', port: 80, weight: 3 })]);
    assert.equal(backends, undefined);
    assert.deepEqual(traffic?.routes?.[0]?.backends, [
      { backend: -1, weight: 1 },
      { backend: -1, weight: 3 },
    ]);
  });

  it('are other Services with their endpoints, in the policy’s namespace and with the called port by default', () => {
    const { backends, traffic } = compile([
      to({ service: 'pay', weight: 90 }, { service: 'next', weight: 10 }),
    ]);
    assert.deepEqual(traffic?.routes?.[0]?.backends, [
      { backend: -1, weight: 90 },
      { backend: 0, weight: 10 },
    ]);
    assert.deepEqual(backends, [
      {
        name: 'shop/next:80',
        service: 'next',
        namespace: 'shop',
        endpoints: [
          {
            address: '10.0.0.3',
            port: 8080,
            workload: 'pay',
            namespace: 'shop',
            spiffeId: 'spiffe://cluster.local/ns/shop/sa/pay',
          },
        ],
      },
    ]);
  });

  it('are subsets of endpoints by the labels of their workloads', () => {
    const subset = (version: string) => ({
      service: 'pay',
      selector: { matchLabels: { version, app: 'pay' } },
    });
    const { backends } = compile([to(subset('v1'), subset('v2'), subset('v9'))]);
    assert.deepEqual(
      backends?.map(({ name, endpoints }) => [name, endpoints.map(({ address }) => address)]),
      [
        ['shop/pay:80{app=pay,version=v1}', ['10.0.0.1']],
        ['shop/pay:80{app=pay,version=v2}', ['10.0.0.2']],
        ['shop/pay:80{app=pay,version=v9}', []],
      ],
    );
  });

  it('are listed once, whichever routes and copies lead there', () => {
    const routes: Route[] = [
      { name: 'a', backends: [{ service: 'next' }], mirror: { service: 'next', port: 80, percent: 5 } },
      {
        name: 'b',
        match: [{ methods: ['GET'] }],
        backends: [{ service: 'next' }],
        mirror: { service: 'next' },
      },
    ];
    const twice = set('Policy', policy('shop/p', { target: SERVICE, traffic: { routes } }));
    const { backends, traffic } = compile([twice]);
    assert.equal(backends?.length, 1);
    assert.deepEqual(
      traffic?.routes?.map(({ mirror }) => mirror),
      [
        { backend: 0, percent: 100 },
        { backend: 0, percent: 5 },
      ],
    );
  });

  it('with labels too long for a name are told apart all the same', () => {
    const labels = (last: string) =>
      Object.fromEntries(
        Array.from({ length: 16 }, (_, i) => [`${'k'.repeat(200)}${i}`, i === 15 ? last : 'v']),
      );
    const subset = (last: string) => ({ service: 'pay', selector: { matchLabels: labels(last) } });
    const { backends } = compile([to(subset('a'), subset('b'))]);
    assert.equal(new Set(backends?.map(({ name }) => name)).size, 2);
  });

  it('have what policies say of their own Service, and none of its routes', () => {
    const next = policy('shop/next', {
      target: { kind: 'Service', name: 'next' },
      traffic: {
        timeout: { connect: '2s', request: '9s' },
        circuitBreaker: { maxConnections: 7 },
        healthCheck: { path: '/up' },
        routes: [{ name: 'x', backends: [{ service: 'pay' }] }],
      },
    });
    const { backends, version } = compile([to({ service: 'next' }), set('Policy', next)]);
    assert.deepEqual(backends?.[0]?.traffic, {
      connectMs: 2000,
      circuitBreaker: { maxConnections: 7 },
      healthCheck: { path: '/up' },
    });
    assert.deepEqual(Object.keys(version.policies), ['uid-of-shop/next', 'uid-of-shop/p']);
    assert.equal(backends?.length, 1);
  });

  it('have the consumer’s own view of their Service', () => {
    const view = policy('shop/view', {
      target: { kind: 'Workload', selector: { matchLabels: { app: 'web' } } },
      traffic: { to: [{ service: 'next' }], loadBalancing: { algorithm: 'Random' } },
    });
    const changes = [to({ service: 'next' }), set('Policy', view)];
    assert.deepEqual(compile(changes).backends?.[0]?.traffic, { loadBalancing: { algorithm: 'Random' } });
    assert.equal(compile(changes, workload('shop/batch')).backends?.[0]?.traffic, undefined);
  });

  it('have endpoints of the family that was dialled, or those there are', () => {
    const six = { ...slice('shop/next', { 'shop/next-1': 'fd00::3' }), key: 'shop/next-6' };
    const dual = set('Workload', {
      ...v('shop/next-1', 'v3', '10.0.0.3'),
      addresses: ['10.0.0.3', 'fd00::3'],
    });
    const service6 = set(
      'Service',
      service('shop/pay', { addresses: ['fd00:96::1', '10.96.0.1'], ports: PORTS }),
    );
    const changes = [dual, service6, set('EndpointSlice', six), to({ service: 'next' })];
    const dialled = (key: string) =>
      compile(changes, WEB, key).backends?.[0]?.endpoints.map(({ address }) => address);
    assert.deepEqual(dialled('10.96.0.1:80'), ['10.0.0.3']);
    assert.deepEqual(dialled('[fd00:96::1]:80'), ['fd00::3']);
    assert.deepEqual(
      compile([service6, to({ service: 'next' })], WEB, '[fd00:96::1]:80').backends?.[0]?.endpoints.length,
      1,
    );
  });

  for (const [name, ref, message] of [
    ['a Service that does not exist', { service: 'none' }, 'Service shop/none does not exist'],
    ['a port that does not exist', { service: 'next', port: 81 }, 'Service shop/next has no port 81'],
  ] as const) {
    it(`are empty for ${name}, and the policy says so`, () => {
      assert.deepEqual(addresses(to(ref)), [[]]);
      const { status, reason, message: said } = references('shop/p', to(ref));
      assert.deepEqual([status, reason, said], ['False', 'BackendNotFound', message]);
    });
  }

  it('are missed where the called port is not one of theirs', () => {
    const ports = [...PORTS, { name: 'admin', port: 81, protocol: undefined }];
    const two = set('Service', service('shop/pay', { ports }));
    assert.match(
      references('shop/p', two, to({ service: 'next' })).message,
      /Service shop\/next has no port 81, which/,
    );
    const traffic = { routes: [{ name: 'r', backends: [{ service: 'next' }] }] };
    const onHttp = set('Policy', policy('shop/p', { target: { ...SERVICE, ports: ['http'] }, traffic }));
    assert.equal(references('shop/p', two, onHttp).reason, 'ResolvedRefs');
  });

  it('of a mirror are missed too', () => {
    assert.equal(references('shop/p', routing({ mirror: { service: 'none' } })).reason, 'BackendNotFound');
  });
  it('are resolved where all exist', () => {
    assert.equal(references('shop/p', to({ service: 'next' }, { service: 'pay' })).status, 'True');
  });
});

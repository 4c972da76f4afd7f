import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertDestination } from '../../api/validate.ts';
import type { Change } from '../mesh/model.ts';
import { meshOf, policy, service, set, slice, workload } from '../testing/builders.ts';
import { compileDestination } from './destination.ts';
import { parseDestinationKey } from './destination-key.ts';

const web = workload('shop/web');
const pay1 = workload('shop/pay-1', {
  ...{ addresses: ['10.0.0.1', 'fd00::1'], serviceAccount: 'pay', app: 'payments' },
});
const pay2 = workload('shop/pay-2', {
  ...{ addresses: ['10.0.0.2'], serviceAccount: 'pay', app: 'payments' },
});
const PORTS = [{ name: 'http', port: 80, protocol: undefined }];
const PAY = service('shop/pay', { addresses: ['10.96.0.1'], ports: PORTS });
const BOTH = slice('shop/pay', { 'shop/pay-2': '10.0.0.2', 'shop/pay-1': '10.0.0.1' });
const ID = 'spiffe://cluster.local/ns/shop/sa/pay';

function resolve(key: string, ...changes: Change[][]) {
  const destination = compileDestination(meshOf(...changes), key, web);
  if (destination !== null) assertDestination(destination);
  return destination;
}
const known = [set('Workload', pay1, pay2), set('Service', PAY), set('EndpointSlice', BOTH)];

describe('a destination', () => {
  for (const key of ['10.96.0.1:80', 'shop/pay:80']) {
    it(`asked for as ${key} is the Service with its ready endpoints, sorted`, () => {
      const destination = resolve(key, ...known);
      assert.equal(destination?.name, 'pay');
      assert.equal(destination.namespace, 'shop');
      assert.equal(destination.key, key);
      assert.deepEqual(destination.endpoints, [
        { address: '10.0.0.1', port: 8080, workload: 'payments', namespace: 'shop', spiffeId: ID },
        { address: '10.0.0.2', port: 8080, workload: 'payments', namespace: 'shop', spiffeId: ID },
      ]);
    });
  }

  it('is null for an address that nobody has', () => {
    assert.equal(resolve('192.0.2.1:80', ...known), null);
  });
  it('is null for a port that the Service does not have', () => {
    assert.equal(resolve('10.96.0.1:81', ...known), null);
  });

  it('has no endpoints when the Service has no slices', () => {
    assert.deepEqual(resolve('10.96.0.1:80', set('Service', PAY))?.endpoints, []);
  });

  it('leaves out what is not ready', () => {
    const [one, two] = BOTH.endpoints;
    const half = { ...BOTH, endpoints: [{ ...one!, ready: false }, two!] };
    const destination = resolve('shop/pay:80', ...known.slice(0, 2), set('EndpointSlice', half));
    assert.deepEqual(
      destination?.endpoints.map(({ address }) => address),
      ['10.0.0.1'],
    );
  });

  describe('when nothing is ready', () => {
    const [two, one] = BOTH.endpoints;
    const addresses = (endpoints: typeof BOTH.endpoints, first = pay1, more = {}) =>
      resolve(
        'shop/pay:80',
        ...[set('Workload', first, { ...pay2, ready: false }), set('Service', PAY)],
        set('EndpointSlice', { ...BOTH, endpoints, ...more }),
      )?.endpoints.map(({ address }) => address);
    const notReady = [
      { ...one!, ready: false },
      { ...two!, ready: false },
    ];

    it('has those that still serve although they were told to end', () => {
      assert.deepEqual(addresses([{ ...notReady[0]!, draining: true }, notReady[1]!]), ['10.0.0.1']);
    });
    it('has those whose nodes have not been heard of', () => {
      assert.deepEqual(addresses(notReady, { ...pay1, ready: false, unheard: true }), ['10.0.0.1']);
    });
    it('has those that are by their own word, when Kubernetes follows it with its list', () => {
      assert.deepEqual(addresses(notReady, pay1, { followsPods: true }), ['10.0.0.1']);
      assert.deepEqual(addresses(notReady, { ...pay1, ready: false }, { followsPods: true }), []);
    });
    it('has none of those that somebody else keeps out of the list', () => {
      assert.deepEqual(addresses(notReady), []);
    });
    it('has none of those that said themselves that they are not', () => {
      assert.deepEqual(addresses(notReady, { ...pay1, ready: false }), []);
    });
    it('and something is, has neither', () => {
      const unheard = { ...pay1, ready: false, unheard: true };
      assert.deepEqual(addresses([{ ...one!, ready: false, draining: true }, two!], unheard), ['10.0.0.2']);
    });
  });

  it('gives no identity to an endpoint outside the mesh', () => {
    const bare = { ...pay1, proxyId: undefined };
    const destination = resolve(
      'shop/pay:80',
      set('Workload', bare),
      ...known.slice(1, 2),
      set('EndpointSlice', slice('shop/pay', { 'shop/pay-1': '10.0.0.1' })),
    );
    assert.deepEqual(destination?.endpoints, [
      { address: '10.0.0.1', port: 8080, workload: 'payments', namespace: 'shop' },
    ]);
  });

  it('gives no identity to a port whose connections go past the sidecar, and to that one only', () => {
    const skipping = { ...pay1, skippedInboundPorts: [8080] };
    const changes = [set('Workload', skipping, pay2), ...known.slice(1)];
    assert.deepEqual(
      resolve('shop/pay:80', ...changes)?.endpoints.map(({ spiffeId }) => spiffeId),
      [undefined, ID],
    );
    assert.equal(resolve('10.0.0.1:8080', ...changes)?.endpoints[0]?.spiffeId, undefined);
    assert.equal(resolve('10.0.0.1:8081', ...changes)?.endpoints[0]?.spiffeId, ID);
  });

  it('gives no identity to the port of a pod where its sidecar tells metrics', () => {
    const endpoints = (key: string) => resolve(key, ...known)?.endpoints;
    assert.deepEqual(endpoints('10.0.0.1:15020'), [
      { address: '10.0.0.1', port: 15020, workload: 'payments', namespace: 'shop' },
    ]);
    assert.equal(endpoints('10.0.0.1:15021')?.[0]?.spiffeId, ID);
  });

  it('is opaque, and without identity, when it is the control plane, which has its own TLS', () => {
    const operator = workload('weft-system/weft-operator-1', {
      ...{ proxyId: undefined, serviceAccount: 'weft-operator', addresses: ['10.0.0.9'] },
    });
    const ports = [{ name: 'stream', port: 15010, protocol: 'TCP' as const, targetPort: 'stream' }];
    const named = slice('weft-system/weft-operator', { [operator.key]: '10.0.0.9' }, [
      { name: 'stream', port: 15010 },
    ]);
    const changes = [
      set('Workload', operator),
      set('Service', service('weft-system/weft-operator', { addresses: ['10.96.0.9'], ports })),
      set('EndpointSlice', named),
    ];
    for (const key of ['weft-system/weft-operator:15010', '10.96.0.9:15010']) {
      const destination = resolve(key, ...changes);
      assert.equal(destination?.protocol, 'TCP');
      assert.deepEqual(destination.endpoints, [
        { address: '10.0.0.9', port: 15010, workload: 'weft-operator-1', namespace: 'weft-system' },
      ]);
    }
    const direct = resolve('10.0.0.9:15010', ...changes.slice(0, 1));
    assert.deepEqual([direct?.protocol, direct?.endpoints[0]?.spiffeId], [undefined, undefined]);
  });

  it('leaves out an endpoint whose pod has not been seen: plaintext to it might be a downgrade', () => {
    const destination = resolve('shop/pay:80', set('Service', PAY), set('EndpointSlice', BOTH));
    assert.deepEqual(destination?.endpoints, []);
  });

  it('believes the reference of a pod whose address is not known yet', () => {
    const starting = { ...pay1, addresses: [] };
    const destination = resolve('shop/pay:80', set('Workload', starting, pay2), ...known.slice(1));
    assert.equal(destination?.endpoints[0]?.spiffeId, ID);
  });

  it('goes by the address when a slice written by hand names somebody else', () => {
    const lying = slice('shop/pay', { 'shop/pay-1': '10.0.0.2' });
    const mallory = { ...pay2, serviceAccount: 'other' };
    const destination = resolve(
      'shop/pay:80',
      set('Workload', pay1, mallory),
      set('Service', PAY),
      set('EndpointSlice', lying),
    );
    assert.deepEqual(destination?.endpoints[0]?.spiffeId, 'spiffe://cluster.local/ns/shop/sa/other');
  });

  it('knows a meshed pod behind a slice without references', () => {
    const bare = { ...BOTH, endpoints: BOTH.endpoints.map((each) => ({ ...each, workload: undefined })) };
    const destination = resolve('shop/pay:80', ...known.slice(0, 2), set('EndpointSlice', bare));
    assert.equal(destination?.endpoints[0]?.spiffeId, ID);
  });

  it('lists an endpoint once while slices overlap', () => {
    const destination = resolve(
      'shop/pay:80',
      ...known,
      set('EndpointSlice', { ...BOTH, key: 'shop/pay-2' }),
    );
    assert.equal(destination?.endpoints.length, 2);
  });

  it('has endpoints of the address family that was dialled', () => {
    const six = { ...slice('shop/pay', { 'shop/pay-1': 'fd00::1' }), key: 'shop/pay-v6' };
    const dual = { ...PAY, addresses: ['10.96.0.1', 'fd00:96::1'] };
    const changes = [set('Workload', pay1, pay2), set('Service', dual), set('EndpointSlice', BOTH, six)];
    assert.deepEqual(
      resolve('[fd00:96::1]:80', ...changes)?.endpoints.map(({ address }) => address),
      ['fd00::1'],
    );
    assert.equal(resolve('10.96.0.1:80', ...changes)?.endpoints.length, 2);
  });

  it('is the pod alone when its own address is dialled, ready or not', () => {
    const destination = resolve('10.0.0.1:5432', set('Workload', { ...pay1, ready: false }));
    assert.equal(destination?.name, 'payments');
    assert.deepEqual(destination.endpoints, [
      { address: '10.0.0.1', port: 5432, workload: 'payments', namespace: 'shop', spiffeId: ID },
    ]);
  });
  it('is null for the address of a pod that has finished', () => {
    assert.equal(resolve('10.0.0.1:80', set('Workload', { ...pay1, finished: true })), null);
  });

  it('has the protocol of appProtocol, unless a policy says otherwise, and then the policy’s generation', () => {
    const http = set('Service', { ...PAY, ports: [{ ...PORTS[0]!, protocol: 'HTTP' as const }] });
    assert.equal(resolve('shop/pay:80', http)?.protocol, 'HTTP');
    const tcp = policy(
      'shop/tcp',
      { target: { kind: 'Service', name: 'pay' }, traffic: { protocol: 'TCP' } },
      { generation: 4 },
    );
    const destination = resolve('shop/pay:80', http, set('Policy', tcp));
    assert.equal(destination?.protocol, 'TCP');
    assert.deepEqual(destination.version.policies, { 'uid-of-shop/tcp': 4 });
  });
});

describe('the key of a destination', () => {
  it('is an address or a Service, and a port', () => {
    assert.deepEqual(parseDestinationKey('10.0.0.1:80'), { host: '10.0.0.1', port: 80, isAddress: true });
    assert.deepEqual(parseDestinationKey('[fd00::1]:80'), { host: 'fd00::1', port: 80, isAddress: true });
    assert.deepEqual(parseDestinationKey('shop/pay:80'), { host: 'shop/pay', port: 80, isAddress: false });
  });
  for (const bad of [
    '',
    ':80',
    '10.0.0.1',
    '10.0.0.1:0',
    '10.0.0.1:65536',
    'fd00::1:80',
    '[10.0.0.1]:80',
    '[shop/pay]:80',
    'pay:80',
    'a/b/c:80',
    `a/${'b'.repeat(400)}:80`,
    '../x:80',
  ]) {
    it(`is not ${bad.slice(0, 20) || 'empty'}`, () => assert.equal(parseDestinationKey(bad), undefined));
  }
});

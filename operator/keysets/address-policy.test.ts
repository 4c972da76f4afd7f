import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { meshOf, service, set, slice, workload } from '../testing/builders.ts';
import { anyOf, refuseControlPlane, refuseSpecialAddresses } from './address-policy.ts';

describe('the operator does not connect to', () => {
  const refused: [string, RegExp][] = [
    ['127.0.0.1', /loopback/],
    ['127.255.255.254', /loopback/],
    ['::1', /loopback/],
    ['0:0:0:0:0:0:0:1', /loopback/],
    ['0.0.0.0', /unspecified/],
    ['::', /unspecified/],
    ['169.254.169.254', /link-local/],
    ['fe80::1', /link-local/],
    ['fe80::1%eth0', /link-local/],
    ['febf::1', /link-local/],
    ['fec0::1', /site-local/],
    ['224.0.0.1', /multicast/],
    ['ff02::1', /multicast/],
    ['255.255.255.255', /reserved/],
    ['100.100.100.200', /metadata/],
    ['168.63.129.16', /metadata/],
    ['fd00:ec2::254', /metadata/],
    ['::ffff:127.0.0.1', /loopback/],
    ['::ffff:7f00:1', /loopback/],
    ['::FFFF:169.254.169.254', /link-local/],
    ['0:0:0:0:0:ffff:a9fe:a9fe', /link-local/],
    ['::ffff:0:0', /unspecified/],
    ['64:ff9b::127.0.0.1', /loopback/],
    ['64:ff9b::a9fe:a9fe', /link-local/],
    ['64:ff9b:1::a00:1', /tunnel/],
    ['2002:7f00:1::', /tunnel/],
    ['2001:0:7f00:1::', /tunnel/],
    ['::127.0.0.1', /loopback/],
    ['localhost', /no address/],
    ['', /no address/],
  ];
  for (const [address, why] of refused) {
    it(address || 'nothing', () => assert.match(refuseSpecialAddresses(address) ?? '', why));
  }

  it('anything refused, however it is wrapped in IPv6', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), ([a, b, c, d]) => {
        const plain = `${a}.${b}.${c}.${d}`;
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        for (const wrapped of [`::ffff:${plain}`, `::ffff:${hex}`, `64:ff9b::${plain}`, `64:ff9b::${hex}`]) {
          assert.equal(refuseSpecialAddresses(wrapped), refuseSpecialAddresses(plain), wrapped);
        }
      }),
    );
  });
});

it('the operator may connect to public and to private addresses', () => {
  for (const address of [
    ...['8.8.8.8', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '2606:4700::1111', 'fd00::1'],
    ...['::ffff:10.0.0.1', '64:ff9b::808:808', '126.255.255.255', '128.0.0.1', '223.255.255.255'],
  ]) {
    assert.equal(refuseSpecialAddresses(address), undefined, address);
  }
});

describe('of the cluster the operator does not connect to', () => {
  const mesh = meshOf(
    set('Service', service('default/kubernetes', { addresses: ['10.96.0.1'] })),
    set('EndpointSlice', {
      ...slice('default/kubernetes', {}),
      endpoints: [{ addresses: ['172.18.0.2'], ready: true, workload: undefined }],
    }),
    set('Service', service('weft-system/weft-operator', { addresses: ['10.96.0.7'] })),
    set('Service', service('kube-system/kube-dns', { addresses: ['10.96.0.10'] })),
    set('Service', service('auth/keycloak', { addresses: ['10.96.0.20'] })),
    set('Workload', workload('weft-system/weft-operator-0', { addresses: ['10.244.0.7'] })),
    set('Workload', workload('kube-system/kube-proxy-x', { addresses: ['172.18.0.3'] })),
    set('Workload', workload('auth/keycloak-0', { addresses: ['10.244.0.20'] })),
  );
  const refuses = refuseControlPlane(mesh, '10.96.0.99');
  for (const [address, why] of [
    ['10.96.0.1', 'the API server'],
    ['172.18.0.2', 'the API server'],
    ['10.96.0.99', 'the API server'],
    ['::ffff:10.96.0.1', 'the API server'],
    ['10.96.0.7', 'of the control plane'],
    ['10.96.0.10', 'of the control plane'],
    ['10.244.0.7', 'of the control plane'],
  ] as const) {
    it(`${address}, ${why}`, () => assert.equal(refuses(address), why));
  }
  it('nothing else: not other Services, and not nodes because something of the system runs there', () => {
    for (const address of ['10.96.0.20', '10.244.0.20', '172.18.0.3', '8.8.8.8']) {
      assert.equal(refuses(address), undefined, address);
    }
  });
  it('what any of several policies refuses', () => {
    const both = anyOf(refuseSpecialAddresses, refuses);
    assert.equal(both('127.0.0.1'), 'loopback');
    assert.equal(both('10.96.0.1'), 'the API server');
    assert.equal(both('8.8.8.8'), undefined);
  });
});

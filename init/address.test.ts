import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseCidr } from './address.ts';

describe('address ranges', () => {
  const cases = [
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['192.168.255.255/23', '192.168.254.0/23'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1/64', '2001:db8::/64'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1/128'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1/128'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0/128'],
    ['fe80::1/10', 'fe80::/10'],
    ['::/0', '::/0'],
    ['::1', '::1/128'],
    ['::6', '::6/128'],
    ['::ffff:1.2.3.4', '::ffff:1.2.3.4/128'],
    ['::102:304', '::1.2.3.4/128'],
  ] as const;
  for (const [given, expected] of cases) {
    it(`reads ${given} as ${expected}`, () => assert.equal(parseCidr(given)?.text, expected));
  }

  for (const bad of [
    '',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '10.0.0/8',
    '010.0.0.1',
    '::/129',
    'fe80::1%eth0',
    ':::',
    'example.com',
    '10.0.0.0/8 -j ACCEPT',
    '10.0.0.0/8\n-A OUTPUT',
  ]) {
    it(`refuses ${JSON.stringify(bad)}`, () => assert.equal(parseCidr(bad), undefined));
  }

  it('gives the same text when read again, and never throws', () => {
    const addresses = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
    fc.assert(
      fc.property(addresses, fc.integer({ min: 0, max: 128 }), (address, prefix) => {
        const cidr = parseCidr(`${address}/${prefix}`);
        if (cidr === undefined) return;
        assert.ok(cidr.family === 'IPv4' ? isIPv4(address) : isIPv6(address));
        assert.deepEqual(parseCidr(cidr.text), cidr);
      }),
    );
  });
});

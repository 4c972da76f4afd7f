import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressBlock, parseIPv4 } from './address-block.ts';

test('IPv4 blocks hold what the runtime says they hold', () => {
  const octets = fc.tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 10, 127, 128, 129, 255)));
  const address = octets.map((numbers) => numbers.join('.'));
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 32 }), address, (base, prefix, asked) => {
      const list = new BlockList();
      list.addSubnet(base, prefix, 'ipv4');
      const expected = list.check(asked, 'ipv4');
      assert.equal(addressBlock(`${base}/${prefix}`)(asked), expected);
    }),
    { numRuns: 3_000 },
  );
});

test('what is an IPv4 address is what the runtime says is one', () => {
  const part = fc.constantFrom(
    '0',
    '00',
    '01',
    '1',
    '9',
    '25',
    '255',
    '256',
    '999',
    '',
    '.',
    '-1',
    'a',
    ' ',
    ':',
  );
  const text = fc.oneof(
    fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (address) => assert.equal(parseIPv4(address) !== -1, isIPv4(address), address)),
    { numRuns: 5_000 },
  );
});

test('an IPv4 address is one number, the first octet counting most', () => {
  assert.equal(parseIPv4('1.2.3.4'), 0x01020304);
  assert.equal(parseIPv4('255.255.255.255'), 0xffffffff);
});

for (const [block, inside, outside] of [
  ['::ffff:10.0.0.0/104', '10.1.2.3', '11.0.0.1'],
  ['::FFFF:0a00:1/128', '10.0.0.1', '10.0.0.2'],
  ['0:0:0:0:0:ffff:0:0/96', '255.255.255.255', '::1'],
] as const) {
  test(`${block} is a block of IPv4 addresses, written as IPv6`, () => {
    const holds = addressBlock(block);
    assert.equal(holds(inside), true);
    assert.equal(holds(outside), false);
  });
}

test('no other IPv6 block holds IPv4 addresses, however wide', () => {
  for (const block of ['::/0', '::/96', '::ffff:0:0/95']) {
    assert.equal(addressBlock(block)('10.0.0.1'), false, block);
  }
});

import assert from 'node:assert/strict';
import { BlockList, isIPv4 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { anonymous } from './caller.ts';
import { compileIpBlock, parseIPv4 } from './ip-block.ts';

test('IPv4 blocks hold what the runtime says they hold', () => {
  const octets = fc.tuple(...Array.from({ length: 4 }, () => fc.constantFrom(0, 1, 10, 127, 128, 129, 255)));
  const address = octets.map((numbers) => numbers.join('.'));
  fc.assert(
    fc.property(address, fc.integer({ min: 0, max: 32 }), address, (base, prefix, asked) => {
      const list = new BlockList();
      list.addSubnet(base, prefix, 'ipv4');
      const expected = list.check(asked, 'ipv4');
      assert.equal(compileIpBlock(`${base}/${prefix}`)({ caller: anonymous(asked) }), expected);
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

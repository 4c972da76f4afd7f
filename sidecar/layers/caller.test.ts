import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anonymous, sourceOf } from './caller.ts';

const sourceAt = (address: string) => sourceOf(anonymous(address));

for (const [address, source] of [
  ['10.0.0.1', '10.0.0.1'],
  ['2001:db8:0:7:1:2:3:4', '2001:db8:0:7::/64'],
  ['2001:db8:0:7::4', '2001:db8:0:7::/64'],
  ['2001:0DB8::0007:0:0:0:4', '2001:db8:0:7::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
  ['1::', '1:0:0:0::/64'],
] as const) {
  test(`requests from ${address} are counted under ${source}`, () => {
    assert.equal(sourceAt(address), source);
  });
}

test('all addresses of one /64 are one source, and no others', () => {
  const group = fc.constantFrom(0, 1, 0xa, 0xffff);
  const address = fc.array(group, { minLength: 8, maxLength: 8 });
  const written = (groups: readonly number[]) => {
    const text = groups.map((each) => each.toString(16)).join(':');
    // as the runtime writes addresses: a run of zeros left out
    return text.replace(/(^|:)0(:0)+(:|$)/, '::');
  };
  fc.assert(
    fc.property(address, address, (one, other) => {
      const isSame = one.slice(0, 4).join() === other.slice(0, 4).join();
      assert.equal(sourceAt(written(one)) === sourceAt(written(other)), isSame);
      assert.equal(sourceAt(written(one)), sourceAt(one.map((each) => each.toString(16)).join(':')));
    }),
  );
});

test('an identity is the source, whatever the address', () => {
  const spiffeId = 'spiffe://cluster.local/ns/shop/sa/web';
  assert.equal(sourceOf({ ...anonymous('2001:db8::1'), spiffeId }), spiffeId);
});

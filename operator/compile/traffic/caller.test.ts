import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workload } from '../../testing/builders.ts';
import { isCaller } from './caller.ts';

const isInside = (ipBlock: string, ...addresses: string[]) =>
  isCaller([{ ipBlock }], 'shop', workload('shop/web', { addresses }), 'cluster.local');

for (const [block, inside, outside] of [
  ['10.0.0.0/8', '10.1.2.3', '11.0.0.1'],
  ['0.0.0.0/0', '10.1.2.3', 'fd00::1'],
  ['fd00::/8', 'fd00::1', 'fe80::1'],
  ['::/0', 'fd00::1', '10.1.2.3'],
  ['::ffff:0:0/95', '::fffe:0:1', '10.1.2.3'],
  ['::ffff:10.0.0.0/104', '10.1.2.3', '11.0.0.1'],
] as const) {
  test(`a match for callers in ${block} is for one at ${inside}, and not for one at ${outside}`, () => {
    assert.equal(isInside(block, inside), true);
    assert.equal(isInside(block, outside), false);
    assert.equal(isInside(block, outside, inside), true, 'any address counts');
  });
}

test('a caller without an address is in no block', () => {
  assert.equal(isInside('0.0.0.0/0'), false);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONSISTENT_SEED, hash32, hashBytes32, mix32, newSeed } from './hash.ts';
import { seedsOf } from './host-seeds.ts';
import { hostsOf } from './hosts.fixture.ts';
import { seededRandom } from './seeded-random.fixture.ts';

test('a hash is the same in every process and release: keys must not move when a sidecar is updated', () => {
  const hashes = ['', 'a', '10.0.0.1:8080', '[fd00::1]:80'].map((text) => hash32(text, CONSISTENT_SEED));
  assert.deepEqual(hashes, [2_872_998_923, 444_641_715, 3_150_401_971, 1_957_419_951]);
});

test('bytes hash as the Latin-1 text they are, wherever they stand', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array(), fc.integer(), (bytes, around, seed) => {
      const text = Buffer.from(bytes).toString('latin1');
      const buffer = Buffer.concat([around, bytes, around]);
      const end = around.length + bytes.length;
      assert.equal(hashBytes32(buffer, around.length, end, seed), hash32(text, seed));
    }),
  );
});

test('a hash is an unsigned 32-bit integer and differs by seed', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), fc.nat(), (text, seed) => {
      const hash = hash32(text, seed);
      assert.equal(hash, hash >>> 0);
      assert.notEqual(hash, hash32(text, seed + 1));
    }),
  );
});

test('mixing loses nothing: distinct integers stay distinct', () => {
  const mixed = new Set(Array.from({ length: 100_000 }, (_, value) => mix32(value)));
  assert.equal(mixed.size, 100_000);
});

test('a change of one bit of the text moves about half the bits of the hash', () => {
  let moved = 0;
  for (let index = 0; index < 1_000; index += 1) {
    let bits = hash32(`10.0.0.${index}:80`, 0) ^ hash32(`10.0.0.${index ^ 1}:80`, 0);
    for (; bits !== 0; bits &= bits - 1) moved += 1;
  }
  assert.ok(moved > 15_000 && moved < 17_000, `${moved} of 32,000 bits`);
});

test('seeds are 32-bit and follow the randomness given', () => {
  assert.equal(
    newSeed(() => 0),
    0,
  );
  assert.equal(
    newSeed(() => 1 - Number.EPSILON / 2),
    0xffff_ffff,
  );
  assert.equal(newSeed(seededRandom(1)), newSeed(seededRandom(1)));
});

test('among the addresses of a /16 no two hosts share both seeds', () => {
  const { first, second } = seedsOf(hostsOf(65_536));
  const pairs = new Set(Array.from(first, (seed, index) => `${seed} ${second[index]}`));
  assert.equal(pairs.size, 65_536);
});

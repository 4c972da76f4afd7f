import assert from 'node:assert/strict';
import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { EC_KEY, EC_PRIVATE_KEY } from '../testing/keys.ts';
import { acceptedInlineKeys, inlineKeysProblem, KEYS_MAX, verifyingKeys } from './key-set.ts';

const rsa = (modulusLength: number): JsonWebKey =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
const RSA_KEY = rsa(2048);
const ED_KEY = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
const X_KEY = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' });
const setOf = (...keys: unknown[]) => JSON.stringify({ keys });

describe('a key set that stands in a policy', () => {
  it('is good with public keys of each kind, and with none', () => {
    assert.equal(inlineKeysProblem(setOf(RSA_KEY, EC_KEY, ED_KEY)), undefined);
    assert.equal(inlineKeysProblem(setOf()), undefined);
  });

  const bad: [string, string, RegExp][] = [
    ['is no JSON', 'keys: []', /^is no JSON object with a list keys/],
    ['is a list', '[]', /^is no JSON object/],
    ['is null', 'null', /^is no JSON object/],
    ['has no keys', '{"key": []}', /^is no JSON object/],
    ['has keys that are no list', '{"keys": {}}', /^is no JSON object/],
    ['has too many keys', setOf(...Array.from({ length: KEYS_MAX + 1 }, () => EC_KEY)), /^has 65 keys/],
    ['has a key that is none', setOf(EC_KEY, 'a'), /^keys\[1\] is no key/],
    ['has a list for a key', setOf([]), /^keys\[0\] is no key/],
    ['has a symmetric key', setOf({ kty: 'oct', k: 'c2VjcmV0' }), /symmetric.*use a public key/],
    ['has a key of no kind', setOf({}), /a kty that cannot be used/],
    ['has a kind in a list', setOf({ ...EC_KEY, kty: ['EC'] }), /a kty that cannot be used/],
    ['has a private key', setOf(EC_PRIVATE_KEY), /is private \(it has d\).*replace the key/],
    ['has a symmetric part', setOf({ ...RSA_KEY, k: 'c2VjcmV0' }), /is private \(it has k\)/],
    ['has a key for encryption', setOf({ ...RSA_KEY, use: 'enc' }), /for encryption/],
    ['has a key for key agreement', setOf(X_KEY), /cannot verify signatures/],
    ['has half a key', setOf({ kty: 'EC', crv: 'P-256', x: EC_KEY.x }), /is no valid public key/],
    ['has a point that is not on the curve', setOf({ ...EC_KEY, y: EC_KEY.x }), /is no valid public key/],
    ['has a short RSA key', setOf(rsa(1024)), /has 1024 bits, fewer than 2048/],
  ];
  for (const [what, text, words] of bad) {
    it(`is refused when it ${what}`, () => assert.match(inlineKeysProblem(text) ?? '', words));
  }

  it('is refused in words that do not repeat a secret', () => {
    const problem = inlineKeysProblem(setOf({ kty: 'oct', k: 'c2VjcmV0' })) ?? '';
    assert.doesNotMatch(problem + inlineKeysProblem(setOf(EC_PRIVATE_KEY)), /c2VjcmV0/);
    assert.ok(!(inlineKeysProblem(setOf(EC_PRIVATE_KEY)) ?? '').includes(EC_PRIVATE_KEY.d!));
  });

  it('goes to proxies without what verifying does not take, and is parsed once', () => {
    const jwks = { inline: setOf({ ...EC_KEY, x5c: ['chain'], more: 1 }) };
    assert.deepEqual(acceptedInlineKeys(jwks), [EC_KEY]);
    assert.equal(acceptedInlineKeys(jwks), acceptedInlineKeys(jwks));
  });
});

describe('a key set that was fetched', () => {
  it('goes to proxies without the keys that cannot verify, and without private parts', () => {
    const others = [{ kty: 'oct', k: 'a' }, { ...RSA_KEY, use: 'enc' }, { kty: 'new' }, {}];
    assert.deepEqual(verifyingKeys([...others, { ...EC_PRIVATE_KEY, kid: 'a' }]), [
      { kty: 'EC', kid: 'a', crv: 'P-256', x: EC_KEY.x, y: EC_KEY.y },
    ]);
  });
  it('goes to proxies up to its bound', () => {
    assert.equal(verifyingKeys(Array.from({ length: 100 }, () => EC_KEY)).length, KEYS_MAX);
  });
});

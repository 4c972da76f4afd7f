import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { handMade, issuer, nowSeconds, TestKey } from '../testing/tokens.ts';
import { verifyToken } from './jwt.ts';

const KEY = await TestKey.create();
const ISSUERS = [issuer([KEY])];
const verify = (token: string, issuers = ISSUERS) => verifyToken(token, 'digest', issuers, Date.now());

test('a token says whose it is, until when, and what it claims', async () => {
  const exp = nowSeconds() + 10;
  const verdict = await verify(await KEY.sign({ exp, role: 'admin' }));
  assert.ok(verdict.ok);
  assert.equal(verdict.token.source, ISSUERS[0]);
  assert.equal(verdict.token.claims.role, 'admin');
  assert.equal(verdict.token.validUntilMs, (exp + 60) * 1000);
});

test('a token of which any character was changed is refused', async () => {
  const token = await KEY.sign({ role: 'user' });
  const bytesOf = (text: string) =>
    text.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));
  const original = bytesOf(token).join('.');
  for (let at = 0; at < token.length; at += 1) {
    const other = token[at] === 'A' ? 'B' : 'A';
    const changed = token.slice(0, at) + other + token.slice(at + 1);
    // the last character of a part has bits that mean nothing
    if (bytesOf(changed).join('.') === original) continue;
    assert.equal((await verify(changed)).ok, false, `character ${at}`);
  }
});

test('whatever is sent as a token is refused and never throws', async () => {
  const part = fc.oneof(
    fc.base64String({ maxLength: 40 }).map((text) => Buffer.from(text, 'base64').toString('base64url')),
    fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text).toString('base64url')),
    fc.string({ maxLength: 20 }),
  );
  const tokens = fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.'));
  await fc.assert(
    fc.asyncProperty(tokens, async (token) => {
      assert.equal((await verify(token)).ok, false);
    }),
  );
});

const ODD_CLAIMS: readonly Record<string, unknown>[] = [
  { exp: 'tomorrow' },
  { exp: null },
  { nbf: {} },
  { iss: ['https://id.example'] },
  { aud: { 0: 'api' } },
];
for (const claims of ODD_CLAIMS) {
  test(`a signed token with ${JSON.stringify(claims)} is refused`, async () => {
    assert.equal((await verify(await KEY.sign(claims as never))).ok, false);
  });
}

test('of two issuers of one name the one that accepts the token is meant', async () => {
  const other = await TestKey.create('k2');
  const both = [issuer([KEY], { name: 'first' }), issuer([other], { name: 'second', audiences: ['x'] })];
  const verdict = await verify(await other.sign({ aud: 'x' }), both);
  assert.ok(verdict.ok);
  assert.equal(verdict.token.source.name, 'second');
});

test('a token that names no key is tried with four and no more', async () => {
  const strangers = await Promise.all(Array.from({ length: 4 }, (_, n) => TestKey.create(`s${n}`)));
  const token = await KEY.sign({}, { kid: undefined });
  assert.equal((await verify(token, [issuer([...strangers.slice(1), KEY])])).ok, true);
  assert.equal((await verify(token, [issuer([...strangers, KEY])])).ok, false);
  const rsa = await TestKey.create('rsa', 'RS256');
  assert.equal(
    (await verify(token, [issuer([rsa, rsa, rsa, rsa, KEY])])).ok,
    true,
    'other types cost nothing',
  );
});

test('every shared-secret algorithm and none are refused by name', async () => {
  for (const alg of ['none', 'HS256', 'HS384', 'HS512', 'None', 'ES256K', '']) {
    const verdict = await verify(handMade({ alg, kid: 'k1' }, {}, alg === 'none' ? undefined : 'secret'));
    assert.equal(verdict.ok, false, alg);
  }
});

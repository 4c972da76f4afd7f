import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Issuer, ProxyConfig } from '../../api/proxy-config.ts';
import { FieldLines } from '../http1/fields.ts';
import type { Verified, verifyToken } from '../optional/jwt.ts';
import { proxyConfig } from '../testing/fake-state.ts';
import { TokenAuthenticator, VerificationGate } from './jwt-authenticator.ts';
import { TokenAuthenticators } from './jwt-authenticators.ts';
import { TokenCache } from './jwt-cache.ts';
import { NO_TOKENS } from './jwt-claims.ts';

const ISSUER: Issuer = { policy: 'shop/p', name: 'id', issuer: 'https://id', forward: true, keys: [] };
const REFUSED: Verified = { ok: false, reason: 'no' };

function valid(validUntilMs: number): Verified {
  return { ok: true, token: { source: ISSUER, claims: {}, validUntilMs, digest: 'd' } };
}

/** Answers when the test says so. */
class Verifier {
  readonly asked: string[] = [];
  nowMs = 0;
  #waiting: ((verdict: Verified | Error) => void)[] = [];

  readonly verifyToken: typeof verifyToken = (token) => {
    this.asked.push(token);
    return new Promise((resolve, reject) => {
      this.#waiting.push((verdict) => (verdict instanceof Error ? reject(verdict) : resolve(verdict)));
    });
  };
  answer(verdict: Verified | Error): void {
    this.#waiting.shift()!(verdict);
  }
  authenticator(maxVerifications = 8): TokenAuthenticator {
    const options = { maxVerifications, nowMs: () => this.nowMs, loadVerifier: () => this };
    return new TokenAuthenticator([ISSUER], new VerificationGate(), options);
  }
}

test('a token is checked once, whoever brings it meanwhile, and again when its time is over', async () => {
  const verifier = new Verifier();
  const authenticator = verifier.authenticator();
  const first = authenticator.verify(0, 'a');
  assert.equal(authenticator.verify(0, 'a'), first);
  verifier.answer(valid(1_000));
  const verdict = await first;
  assert.equal(authenticator.verify(0, 'a'), verdict, 'known without waiting');
  verifier.nowMs = 1_000;
  assert.ok(authenticator.verify(0, 'a') instanceof Promise);
  assert.deepEqual(verifier.asked, ['a', 'a']);
});

test('a refusal is remembered for ten seconds', async () => {
  const verifier = new Verifier();
  const authenticator = verifier.authenticator();
  const first = authenticator.verify(0, 'a');
  verifier.answer(REFUSED);
  await first;
  verifier.nowMs = 9_999;
  assert.equal(authenticator.verify(0, 'a'), REFUSED);
  verifier.nowMs = 19_999;
  assert.ok(authenticator.verify(0, 'a') instanceof Promise);
});

test('beyond so many checks at once there are no more, until one is done', async () => {
  const verifier = new Verifier();
  const authenticator = verifier.authenticator(1);
  const first = authenticator.verify(0, 'a');
  assert.equal(authenticator.verify(0, 'b'), 'overloaded');
  verifier.answer(valid(1_000));
  await first;
  assert.ok(authenticator.verify(0, 'b') instanceof Promise);
});

test('a verifier that fails refuses the token this time, and is asked again', async () => {
  const verifier = new Verifier();
  const authenticator = verifier.authenticator(1);
  const first = authenticator.verify(0, 'a');
  verifier.answer(new Error('defect'));
  assert.deepEqual(await first, { ok: false, reason: 'the token could not be verified' });
  assert.ok(authenticator.verify(0, 'a') instanceof Promise);
});

test('what is too long or no token is refused without being looked at', () => {
  const verifier = new Verifier();
  assert.equal((verifier.authenticator().verify(0, 'x'.repeat(8_193)) as Verified).ok, false);
  assert.equal((verifier.authenticator().verify(0, ' ') as Verified).ok, false);
  assert.deepEqual(verifier.asked, []);
});

test('the cache is bounded, keeps what is used, and made-up tokens push out no others', () => {
  const cache = new TokenCache(2);
  for (const key of ['a', 'b']) cache.set(key, valid(1_000), 0);
  cache.get('a', 0);
  cache.set('c', valid(1_000), 0);
  for (let n = 0; n < 100; n += 1) cache.set(`made-up ${n}`, REFUSED, 0);
  assert.equal(cache.size, 4);
  assert.deepEqual(
    [cache.get('a', 0)?.ok, cache.get('b', 0), cache.get('c', 0)?.ok],
    [true, undefined, true],
  );
});

function config(issuers: Issuer[]): ProxyConfig {
  const { inbound } = proxyConfig('api');
  return proxyConfig('api', { inbound: { ...inbound, issuers } });
}

test('an authenticator outlives configurations that leave its issuers alone, and no others', () => {
  const options = { loadVerifier: () => new Verifier() };
  const before = new TokenAuthenticators(config([ISSUER]), undefined, options);
  const mine = before.of([0]);
  assert.equal(before.of([0]), mine, 'ports share it');
  const same = new TokenAuthenticators(config([{ ...ISSUER }]), before, options);
  assert.equal(same.of([0]), mine);
  const other = new TokenAuthenticators(config([{ ...ISSUER, keys: [{}] }]), same, options);
  assert.notEqual(other.of([0]), mine);
  assert.equal(other.of(undefined), undefined);
});

test('without issuers the verifier is not loaded', () => {
  const loadVerifier = () => assert.fail('loaded');
  new TokenAuthenticators(config([ISSUER]), undefined, { loadVerifier }).of(undefined);
  assert.throws(
    () => new TokenAuthenticators(config([ISSUER]), undefined, { loadVerifier }).of([0]),
    /loaded/,
  );
});

test('a token stays accepted while its issuer is the same and its time is not over', () => {
  const verifier = new Verifier();
  const authenticator = verifier.authenticator();
  const fields = new FieldLines();
  const token = { source: { ...ISSUER }, claims: {}, validUntilMs: 1_000, digest: 'd' };
  assert.equal(authenticator.stillAccepts(fields, [token]), true);
  const rotated = { ...token, source: { ...ISSUER, keys: [{}] } };
  assert.equal(authenticator.stillAccepts(fields, [token, rotated]), false);
  assert.equal(authenticator.stillAccepts(fields, NO_TOKENS), true);
  const unseen = new FieldLines();
  unseen.read('Authorization: Bearer x\r\n', 0);
  assert.equal(authenticator.stillAccepts(unseen, NO_TOKENS), false);
  verifier.nowMs = 1_000;
  assert.equal(authenticator.stillAccepts(fields, [token]), false);
});

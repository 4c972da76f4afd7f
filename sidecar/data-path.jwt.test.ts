import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationRule, Issuer } from '../api/proxy-config.ts';
import { start } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import {
  ADMIN,
  AUDIENCE,
  bearer,
  handMade,
  ISSUER,
  issuer,
  nowSeconds,
  TestKey,
  withIssuers,
} from './testing/tokens.ts';
import { type Asked, ask, assertError, serveVersion, statusOf, VERSIONS } from './testing/versions.ts';

const KEY = await TestKey.create();
const OTHER = await TestKey.create('k2');

const lastLog = (pair: Pair) => JSON.parse(pair.api.log.at(-1)!);

for (const version of VERSIONS) {
  /** In front of an app that answers with the fields it was sent. */
  const guarded = async (issuers: Issuer[], rules: AuthorizationRule[] = []) =>
    start(await serveVersion(version, ({ headers, answer }) => answer(200, JSON.stringify(headers))), {
      inbound: withIssuers(issuers, rules),
    });
  const answerTo = (pair: Pair, headers: Asked['headers'] = {}, path = '/') =>
    ask(version, pair.inboundPort, { headers, path });
  const statusFor = async (...asked: Parameters<typeof answerTo>) =>
    statusOf(version, await answerTo(...asked));

  for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
    test(`${version}: a token signed with ${algorithm} is verified and its claims are what rules ask for`, async () => {
      const key = await TestKey.create('k', algorithm);
      const pair = await guarded([issuer([key])], [ADMIN]);
      const token = await key.sign({ role: 'admin' });
      const answer = await answerTo(pair, bearer(token));
      assert.equal(JSON.parse(answer.body).authorization, `Bearer ${token}`, 'the app sees the token');
      assert.equal(await statusFor(pair, bearer(await key.sign({ role: 'user' }))), 403);
      const forged = `${token.slice(0, -8)}${token.at(-8) === 'A' ? 'B' : 'A'}${token.slice(-7)}`;
      assert.equal(await statusFor(pair, bearer(forged)), 401);
    });
  }

  test(`${version}: a token comes through mTLS as well`, async () => {
    const pair = await guarded([issuer([KEY])], [ADMIN]);
    const statusBy = async (key: TestKey) => {
      const headers = bearer(await key.sign({ role: 'root' }));
      return statusOf(version, await ask(version, pair.port, { headers }));
    };
    assert.equal(await statusBy(KEY), 200);
    assert.equal(await statusBy(OTHER), 401);
  });

  test(`${version}: clocks may be a minute apart`, async () => {
    const just = await KEY.sign({ exp: nowSeconds() - 50, nbf: nowSeconds() + 50 });
    assert.equal(await statusFor(await guarded([issuer([KEY])]), bearer(just)), 200);
  });

  test(`${version}: without a token a request goes on, and the rules decide`, async () => {
    const { when: _, ...free } = { ...ADMIN, name: 'health', to: [{ paths: ['/health'] }] };
    const pair = await guarded([issuer([KEY])], [ADMIN, free]);
    assert.equal(await statusFor(pair, {}, '/health'), 200);
    assert.equal(await statusFor(pair, {}, '/other'), 403);
    assert.equal(await statusFor(pair, { authorization: 'Basic d2VmdDp3ZWZ0' }, '/health'), 200);
  });

  test(`${version}: the log says what of a token was missing, and its caller is not told`, async () => {
    const health = { ...ADMIN, name: 'health', to: [{ paths: ['/health'] }] };
    const { when: _, ...free } = { ...ADMIN, name: 'free', to: [{ paths: ['/free'] }] };
    const deny = { ...ADMIN, name: 'no-users', action: 'Deny' as const, to: [{ paths: ['/users'] }] };
    const noRole = 'the claim role of its token has no value that is asked for';
    const cases: readonly [path: string, token: string, reason: string | undefined][] = [
      ['/health', '', 'no token came with it'],
      ['/health', await KEY.sign({ role: 'secret-7' }), noRole],
      ['/health', await KEY.sign({}), noRole],
      ['/other', '', undefined],
      ['/users', await KEY.sign({ role: 'admin' }), undefined],
    ];
    const pair = await guarded([issuer([KEY])], [deny, health, free]);
    const told = new Set<string>();
    for (const [path, token, reason] of cases) {
      const { headers, body, ...answer } = await answerTo(pair, token === '' ? {} : bearer(token), path);
      assertError(version, { headers, body, ...answer }, 'denied');
      const { 'x-request-id': _, date: __, ...fields } = headers;
      told.add(JSON.stringify([fields, body]));
      assert.equal(lastLog(pair).reason, reason, path);
    }
    assert.equal(told.size, 1, 'all are told the same');
    assert.doesNotMatch(pair.api.log.join(''), /secret-7/);
  });

  test(`${version}: the log says that a token is of another issuer than the rule asks for`, async () => {
    const other = { ...issuer([OTHER]), issuer: 'https://other.test', name: 'other' };
    const pair = await guarded([issuer([KEY]), other], [ADMIN]);
    const token = await OTHER.sign({ iss: 'https://other.test', role: 'admin' });
    assert.equal(await statusFor(pair, bearer(token)), 403);
    assert.equal(lastLog(pair).reason, `no token of issuer ${ISSUER} came with it`);
  });

  test(`${version}: a token in the query, or in a field nobody named, is none`, async () => {
    const pair = await guarded([issuer([KEY])], [ADMIN]);
    const token = await KEY.sign({ role: 'admin' });
    assert.equal(await statusFor(pair, {}, `/?access_token=${token}`), 403);
    assert.equal(await statusFor(pair, { 'X-Token': token }), 403);
  });

  test(`${version}: a Deny rule with claims denies who has them, and nobody without a token`, async () => {
    const banned: AuthorizationRule = {
      ...ADMIN,
      name: 'banned',
      action: 'Deny',
      when: { jwt: { issuer: ISSUER, claims: [{ name: 'realm_access.roles', values: ['banned'] }] } },
    };
    const pair = await guarded([issuer([KEY])], [banned]);
    const token = await KEY.sign({ realm_access: { roles: ['user', 'banned'] } });
    assert.equal(await statusFor(pair, bearer(token)), 403);
    assert.equal(lastLog(pair).rule, 'banned');
    assert.equal(await statusFor(pair, bearer(await KEY.sign())), 200);
    assert.equal(await statusFor(pair), 200);
  });

  test(`${version}: a rule in Audit mode that asks for claims denies nothing, and says what it would`, async () => {
    const audited: AuthorizationRule = { ...ADMIN, mode: 'Audit' };
    const next = withIssuers([issuer([KEY])]);
    const ports = next.ports.map((entry) => ({ ...entry, auditedDefaultPolicy: audited.policy }));
    const pair = await start(await serveVersion(version), {
      inbound: { ...next, ports, rules: [audited] },
    });
    assert.equal(await statusFor(pair), 200);
    assert.equal(lastLog(pair).wouldDeny, true);
    const lines = pair.api.log.length;
    assert.equal(await statusFor(pair, bearer(await KEY.sign({ role: 'admin' }))), 200);
    assert.equal(pair.api.log.length, lines);
  });

  test(`${version}: a token the app shall not see is taken out, wherever it came`, async () => {
    const fromHeaders = ['x-token', 'authorization'];
    const pair = await guarded([issuer([KEY], { forward: false, fromHeaders })], [ADMIN]);
    const token = await KEY.sign({ role: 'admin' });
    const seenOf = async (headers: Record<string, string>) => {
      const answer = await answerTo(pair, { 'X-Other': '1', ...headers });
      assert.equal(statusOf(version, answer), 200, JSON.stringify(headers));
      const seen = JSON.parse(answer.body);
      return [seen['x-other'], seen['x-token'], seen.authorization];
    };
    const none = ['1', undefined, undefined];
    assert.deepEqual(await seenOf({ 'X-TOKEN': token }), none);
    assert.deepEqual(await seenOf({ 'x-token': `Bearer ${token}` }), none);
    assert.deepEqual(await seenOf({ authorization: `bearer ${token}` }), none);
    const other = 'Basic d2VmdDp3ZWZ0';
    assert.deepEqual(await seenOf({ authorization: other, 'x-token': token }), ['1', undefined, other]);
  });

  test(`${version}: a token under a name that apps may read as its field is taken for it`, async () => {
    const pair = await guarded([issuer([KEY], { forward: false, fromHeaders: ['x-token'] })], [ADMIN]);
    const token = await KEY.sign({ role: 'admin' });
    const answer = await answerTo(pair, { x_token: token, 'X-Tokens': '1' });
    const { x_token: seen, 'x-tokens': others } = JSON.parse(answer.body);
    assert.deepEqual([seen, others], [undefined, '1']);
    const refused: Asked['headers'][] = [
      { x_token: await OTHER.sign({ role: 'admin' }) },
      { x_token: token, 'x-token': token },
      { 'x-token': token, X_Token: 'forged' },
      { 'x.token': token, X_Token: token },
    ];
    for (const fields of refused) assert.equal(await statusFor(pair, fields), 401, JSON.stringify(fields));
    assert.match(lastLog(pair).reason, /more than one field x-token/);
  });

  test(`${version}: tokens of two issuers may come together, two tokens of one may not`, async () => {
    const partner = 'https://partner.example';
    const issuers = [
      issuer([KEY]),
      issuer([OTHER], { name: 'partner', issuer: partner, fromHeaders: ['x-partner'] }),
      issuer([KEY], { name: 'id-too', fromHeaders: ['x-token'] }),
    ];
    const both: AuthorizationRule = { ...ADMIN, name: 'partner', when: { jwt: { issuer: partner } } };
    const pair = await guarded(issuers, [both]);
    const mine = bearer(await KEY.sign());
    const theirs = { 'X-Partner': await OTHER.sign({ iss: partner }) };
    assert.equal(await statusFor(pair, { ...mine, ...theirs }), 200);
    assert.equal(await statusFor(pair, mine), 403);
    // each field has issuers of its own
    assert.equal(await statusFor(pair, bearer(await OTHER.sign({ iss: partner }))), 401);
    assert.equal(await statusFor(pair, { ...mine, 'X-Token': await KEY.sign({ role: 'admin' }) }), 401);
    assert.match(lastLog(pair).reason, /two tokens of issuer/);
  });

  test(`${version}: a key that is none, or private, or shared, verifies nothing and harms no other`, async () => {
    const shared = { kty: 'oct', k: 'c2VjcmV0', kid: 'k1' };
    const keys = [{ kty: 'EC' }, { ...KEY.publicKey, x: 'AAAA' }, shared, KEY.publicKey];
    const pair = await guarded([{ ...issuer([]), keys }]);
    for (const header of [{}, { kid: undefined }]) {
      assert.equal(await statusFor(pair, bearer(await KEY.sign({}, header))), 200, JSON.stringify(header));
    }
    const withSecret = bearer(handMade({ alg: 'HS256', kid: 'k1' }, {}, 'secret'));
    assert.equal(await statusFor(pair, withSecret), 401);
  });

  test(`${version}: audiences are not asked for where the policy names none`, async () => {
    const { audiences, ...any } = issuer([KEY]);
    assert.deepEqual(audiences, [AUDIENCE]);
    assert.equal(await statusFor(await guarded([any]), bearer(await KEY.sign({ aud: undefined }))), 200);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import { bearer, handMade, issuer, nowSeconds, TestKey, withIssuers } from './testing/tokens.ts';
import { ask, assertError, serveVersion, VERSIONS } from './testing/versions.ts';

const KEY = await TestKey.create();
const OTHER = await TestKey.create('k2');

const lastLog = (pair: Pair) => JSON.parse(pair.api.log.at(-1)!);

const twice = (token: string) => ({ authorization: [`Bearer ${token}`, `Bearer ${token}`] });
type Fields = Record<string, string | string[]>;
const REFUSED: readonly (readonly [says: string, fields: () => Promise<Fields> | Fields, reason: RegExp])[] =
  [
    ['is no token', () => bearer('abc'), /malformed/],
    ['is three words', () => bearer('a.b.c'), /malformed/],
    ['is not there after Bearer', () => ({ authorization: 'Bearer' }), /malformed/],
    ['is followed by another', async () => bearer(`${await KEY.sign()}, Bearer x`), /malformed/],
    ['follows a tab', () => ({ authorization: 'Bearer\ta.b.c' }), /malformed/],
    ['follows a blank that is none in HTTP', () => ({ authorization: 'Bearer\xa0a.b.c' }), /malformed/],
    ['has expired', async () => bearer(await KEY.sign({ exp: nowSeconds() - 61 })), /has expired/],
    ['never expires', async () => bearer(await KEY.sign({ exp: undefined })), /no claim exp/],
    ['is not valid yet', async () => bearer(await KEY.sign({ nbf: nowSeconds() + 90 })), /not valid yet/],
    ['is for somebody else', async () => bearer(await KEY.sign({ aud: 'other' })), /wrong aud/],
    ['is for nobody', async () => bearer(await KEY.sign({ aud: undefined })), /no claim aud/],
    [
      'is of an issuer nobody lists',
      async () => bearer(await KEY.sign({ iss: 'https://evil.example' })),
      /not listed/,
    ],
    ['names no issuer', async () => bearer(await KEY.sign({ iss: undefined })), /not listed/],
    [
      'is signed with another key of the same name',
      async () => bearer(await (await TestKey.create('k1')).sign()),
      /signature/,
    ],
    ['names a key the issuer does not have', async () => bearer(await OTHER.sign()), /no key/],
    ['is signed by nobody', () => bearer(handMade({ alg: 'none', kid: 'k1' }, {})), /not allowed/],
    [
      'is signed with the public key as a secret',
      () => bearer(handMade({ alg: 'HS256', kid: 'k1' }, {}, JSON.stringify(KEY.publicKey))),
      /not allowed/,
    ],
    [
      'has an extension that must be understood',
      async () => bearer(handMade({ alg: 'ES256', kid: 'k1', crit: ['x'], x: 1 }, {}, 'secret')),
      /malformed|cannot be verified/,
    ],
    [
      'brings its own key',
      async () => bearer(await OTHER.sign({}, { kid: undefined, jwk: OTHER.publicKey })),
      /signature/,
    ],
    ['is huge', async () => bearer(await KEY.sign({ more: 'x'.repeat(8_192) })), /too long/],
    ['comes twice', async () => twice(await KEY.sign()), /more than one field authorization/],
  ];

for (const version of VERSIONS) {
  for (const [says, fields, reason] of REFUSED) {
    test(`${version}: a token that ${says} is refused, and the app hears nothing`, async () => {
      const app = await serveVersion(version);
      const pair = await start(app, { inbound: withIssuers([issuer([KEY])]) });
      const answer = await ask(version, pair.inboundPort, { headers: await fields() });
      assertError(version, answer, 'unauthenticated');
      assert.equal(answer.headers['www-authenticate'], 'Bearer error="invalid_token"');
      assert.match(lastLog(pair).reason, reason);
      assert.equal(app.accepted.length, 0);
      assert.match(
        pair.api.path.renderMetrics(),
        /weft_errors_total\{direction="inbound",code="unauthenticated"\} 1\n/,
      );
    });
  }

  test(`${version}: what a refused token says is not in the log, and the issuer that refused it is`, async () => {
    const pair = await start(await serveVersion(version), { inbound: withIssuers([issuer([KEY])]) });
    const token = await KEY.sign({ exp: 1, secret: 'hunter2' });
    await ask(version, pair.inboundPort, { headers: bearer(token) });
    assert.deepEqual([lastLog(pair).policy, lastLog(pair).rule], ['shop/api', 'id']);
    assert.ok(!pair.api.log.join('').includes(token.slice(-20)));
  });
}

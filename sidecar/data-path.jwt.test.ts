import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationRule, ProxyConfig } from '../api/proxy-config.ts';
import { echoHead, get, last, start, toClose, until } from './testing/harness.ts';
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
import { connect, ok, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const KEY = await TestKey.create();
const OTHER = await TestKey.create('k2');

const statusOf = (answer: string) => Number(answer.split(' ')[1]);
const lastLog = (pair: Pair) => JSON.parse(pair.api.log.at(-1)!);
function setInbound(pair: Pair, next: ProxyConfig['inbound']): void {
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: next });
}

for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
  test(`a token signed with ${algorithm} is verified and its claims are what rules ask for`, async () => {
    const key = await TestKey.create('k', algorithm);
    const pair = await start(await echoHead(), { inbound: withIssuers([issuer([key])], [ADMIN]) });
    const token = await key.sign({ role: 'admin' });
    const answer = await talk(pair.inboundPort, last('/', bearer(token)));
    assert.equal(statusOf(answer), 200);
    assert.ok(answer.includes(`Bearer ${token}`), 'the app sees the token');
    const user = await talk(pair.inboundPort, last('/', bearer(await key.sign({ role: 'user' }))));
    assert.equal(statusOf(user), 403);
    const forged = `${token.slice(0, -8)}${token.at(-8) === 'A' ? 'B' : 'A'}${token.slice(-7)}`;
    assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(forged)))), 401);
  });
}

test('a token comes through mTLS as well', async () => {
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY])], [ADMIN]) });
  assert.equal(statusOf(await talk(pair.port, last('/', bearer(await KEY.sign({ role: 'root' }))))), 200);
  assert.equal(statusOf(await talk(pair.port, last('/', bearer(await OTHER.sign({ role: 'root' }))))), 401);
});

test('clocks may be a minute apart', async () => {
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY])]) });
  const just = await KEY.sign({ exp: nowSeconds() - 50, nbf: nowSeconds() + 50 });
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(just)))), 200);
});

test('without a token a request goes on, and the rules decide', async () => {
  const rules = [ADMIN, { ...ADMIN, name: 'health', when: undefined, to: [{ paths: ['/health'] }] }];
  const clean = rules.map(({ when, ...rest }) => (when === undefined ? rest : { ...rest, when }));
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY])], clean) });
  assert.equal(statusOf(await talk(pair.inboundPort, last('/health'))), 200);
  assert.equal(statusOf(await talk(pair.inboundPort, last('/other'))), 403);
  const basic = 'Authorization: Basic d2VmdDp3ZWZ0\r\n';
  assert.equal(statusOf(await talk(pair.inboundPort, last('/health', basic))), 200);
});

test('the log says what of a token was missing, and its caller is not told', async () => {
  const health = { ...ADMIN, name: 'health', to: [{ paths: ['/health'] }] };
  const { when: _, ...free } = { ...ADMIN, name: 'free', to: [{ paths: ['/free'] }] };
  const deny = { ...ADMIN, name: 'no-users', action: 'Deny' as const, to: [{ paths: ['/users'] }] };
  const cases: readonly [path: string, token: string, reason: string | undefined][] = [
    ['/health', '', 'no token came with it'],
    [
      '/health',
      await KEY.sign({ role: 'secret-7' }),
      'the claim role of its token has no value that is asked for',
    ],
    ['/health', await KEY.sign({}), 'the claim role of its token has no value that is asked for'],
    ['/other', '', undefined],
    ['/users', await KEY.sign({ role: 'admin' }), undefined],
  ];
  const pair = await start(await echoHead(), {
    inbound: withIssuers([issuer([KEY])], [deny, health, free]),
  });
  const bodies = new Set<string>();
  for (const [path, token, reason] of cases) {
    const answer = await talk(pair.inboundPort, last(path, token === '' ? '' : bearer(token)));
    assert.equal(statusOf(answer), 403, path);
    bodies.add(answer.replace(/x-request-id: .*/, ''));
    assert.equal(lastLog(pair).reason, reason, path);
  }
  assert.equal(bodies.size, 1, 'all are told the same');
  assert.doesNotMatch(pair.api.log.join(''), /secret-7/);
});

test('the log says that a token is of another issuer than the rule asks for', async () => {
  const other = { ...issuer([OTHER]), issuer: 'https://other.test', name: 'other' };
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY]), other], [ADMIN]) });
  const token = await OTHER.sign({ iss: 'https://other.test', role: 'admin' });
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(token)))), 403);
  assert.equal(lastLog(pair).reason, `no token of issuer ${ISSUER} came with it`);
});

test('a token in the query, or in a field nobody named, is none', async () => {
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY])], [ADMIN]) });
  const token = await KEY.sign({ role: 'admin' });
  assert.equal(statusOf(await talk(pair.inboundPort, last(`/?access_token=${token}`))), 403);
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', `X-Token: ${token}\r\n`))), 403);
});

test('a Deny rule with claims denies who has them, and nobody without a token', async () => {
  const banned: AuthorizationRule = {
    ...ADMIN,
    name: 'banned',
    action: 'Deny',
    when: { jwt: { issuer: ISSUER, claims: [{ name: 'realm_access.roles', values: ['banned'] }] } },
  };
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY])], [banned]) });
  const token = await KEY.sign({ realm_access: { roles: ['user', 'banned'] } });
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(token)))), 403);
  assert.equal(lastLog(pair).rule, 'banned');
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(await KEY.sign())))), 200);
  assert.equal(statusOf(await talk(pair.inboundPort, last())), 200);
});

test('a rule in Audit mode that asks for claims denies nothing, and says what it would', async () => {
  const audited: AuthorizationRule = { ...ADMIN, mode: 'Audit' };
  const next = withIssuers([issuer([KEY])]);
  const ports = next.ports.map((entry) => ({ ...entry, auditedDefaultPolicy: audited.policy }));
  const pair = await start(await echoHead(), { inbound: { ...next, ports, rules: [audited] } });
  assert.equal(statusOf(await talk(pair.inboundPort, last())), 200);
  assert.equal(lastLog(pair).wouldDeny, true);
  const lines = pair.api.log.length;
  const token = await KEY.sign({ role: 'admin' });
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(token)))), 200);
  assert.equal(pair.api.log.length, lines);
});

test('a token the app shall not see is taken out, wherever it came', async () => {
  const fromHeaders = ['x-token', 'authorization'];
  const pair = await start(await echoHead(), {
    inbound: withIssuers([issuer([KEY], { forward: false, fromHeaders })], [ADMIN]),
  });
  const token = await KEY.sign({ role: 'admin' });
  for (const field of [`X-TOKEN: ${token}`, `x-token: Bearer ${token}`, `authorization: bearer ${token}`]) {
    const answer = await talk(pair.inboundPort, last('/', `X-Other: 1\r\n${field}\r\n`));
    assert.equal(statusOf(answer), 200, field);
    assert.doesNotMatch(answer, /token:|authorization:/i);
    assert.match(answer, /X-Other: 1/);
  }
  const other = 'Authorization: Basic d2VmdDp3ZWZ0';
  const both = await talk(pair.inboundPort, last('/', `${other}\r\nx-token: ${token}\r\n`));
  assert.match(both, /Authorization: Basic/);
});

test('a token under a name that apps may read as its field is taken for it', async () => {
  const app = await echoHead();
  const pair = await start(app, {
    inbound: withIssuers([issuer([KEY], { forward: false, fromHeaders: ['x-token'] })], [ADMIN]),
  });
  const token = await KEY.sign({ role: 'admin' });
  const answer = await talk(pair.inboundPort, last('/', `x_token: ${token}\r\nX-Tokens: 1\r\n`));
  assert.equal(statusOf(answer), 200);
  assert.doesNotMatch(answer, /x.token:/i);
  assert.match(answer, /X-Tokens: 1/);
  const seen = app.accepted.length;
  for (const fields of [
    `x_token: ${await OTHER.sign({ role: 'admin' })}\r\n`,
    `x_token: ${token}\r\nx-token: ${token}\r\n`,
    `x-token: ${token}\r\nX_Token: forged\r\n`,
    `x.token: ${token}\r\nX_Token: ${token}\r\n`,
  ]) {
    assert.equal(statusOf(await talk(pair.inboundPort, last('/', fields))), 401, fields);
  }
  assert.match(lastLog(pair).reason, /more than one field x-token/);
  assert.equal(app.accepted.length, seen);
});

test('tokens of two issuers may come together, two tokens of one may not', async () => {
  const partner = 'https://partner.example';
  const issuers = [
    issuer([KEY]),
    issuer([OTHER], { name: 'partner', issuer: partner, fromHeaders: ['x-partner'] }),
    issuer([KEY], { name: 'id-too', fromHeaders: ['x-token'] }),
  ];
  const both: AuthorizationRule = { ...ADMIN, name: 'partner', when: { jwt: { issuer: partner } } };
  const pair = await start(await echoHead(), { inbound: withIssuers(issuers, [both]) });
  const mine = bearer(await KEY.sign());
  const theirs = `X-Partner: ${await OTHER.sign({ iss: partner })}\r\n`;
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', mine + theirs))), 200);
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', mine))), 403);
  // each field has issuers of its own
  const misplaced = bearer(await OTHER.sign({ iss: partner }));
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', misplaced))), 401);
  const second = `X-Token: ${await KEY.sign({ role: 'admin' })}\r\n`;
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', mine + second))), 401);
  assert.match(lastLog(pair).reason, /two tokens of issuer/);
});

test('keys rotate on an open connection: tokens of the old one are refused, of the new one accepted', async () => {
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([KEY])], [ADMIN]) });
  const old = bearer(await KEY.sign({ role: 'admin' }));
  const fresh = bearer(await OTHER.sign({ role: 'admin' }));
  const socket = await connect(pair.inboundPort);
  toClose.push(async () => void socket.destroy());
  const ask = (fields: string, mark: string) => {
    socket.write(get('/', fields));
    return readUntil(socket, mark);
  };
  assert.match(await ask(old, 'Bearer'), /^HTTP\/1.1 200/);
  assert.match(await ask(fresh, 'unauthenticated"'), /^HTTP\/1.1 401/);
  setInbound(pair, withIssuers([issuer([KEY, OTHER])], [ADMIN]));
  assert.match(await ask(old, 'Bearer'), /^HTTP\/1.1 200/);
  assert.match(await ask(fresh, 'Bearer'), /^HTTP\/1.1 200/);
  setInbound(pair, withIssuers([issuer([OTHER])], [ADMIN]));
  assert.match(await ask(old, 'unauthenticated"'), /^HTTP\/1.1 401/);
  assert.match(await ask(fresh, 'Bearer'), /^HTTP\/1.1 200/);
  setInbound(pair, { ...withIssuers([]), ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }] });
  assert.match(await ask(bearer('nobody looks'), 'nobody looks'), /^HTTP\/1.1 200/);
});

test('an issuer whose keys could not be had lets nobody in, and the log says so', async () => {
  const pair = await start(await echoHead(), { inbound: withIssuers([issuer([])]) });
  const token = bearer(await KEY.sign());
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', token))), 401);
  assert.equal(lastLog(pair).reason, 'no keys of issuer id yet');
  setInbound(pair, withIssuers([issuer([KEY])]));
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', token))), 200);
});

test('a key that is none, or private, or shared, verifies nothing and harms no other', async () => {
  const shared = { kty: 'oct', k: 'c2VjcmV0', kid: 'k1' };
  const keys = [{ kty: 'EC' }, { ...KEY.publicKey, x: 'AAAA' }, shared, KEY.publicKey];
  const pair = await start(await echoHead(), { inbound: withIssuers([{ ...issuer([]), keys }]) });
  for (const header of [{}, { kid: undefined }]) {
    const token = bearer(await KEY.sign({}, header));
    assert.equal(statusOf(await talk(pair.inboundPort, last('/', token))), 200, JSON.stringify(header));
  }
  const withSecret = bearer(handMade({ alg: 'HS256', kid: 'k1' }, {}, 'secret'));
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', withSecret))), 401);
});

test('with too many tokens to verify at once a request with another gets 503', async () => {
  const pair = await start(await echoHead(), {
    inbound: withIssuers([issuer([KEY])]),
    limits: { maxTokenVerifications: 0 },
  });
  const answer = await talk(pair.inboundPort, last('/', bearer(await KEY.sign())));
  assert.match(answer, /^HTTP\/1.1 503 [\s\S]*weft-error: overloaded/);
});

test('requests in one write are answered in their order, whatever their tokens take', async () => {
  const app = await serveHttp((head) => ok(`<${head.split(' ')[1]}>`));
  const pair = await start(app, { inbound: withIssuers([issuer([KEY])]) });
  const tokens = await Promise.all([KEY.sign({ n: 1 }), KEY.sign({ n: 2 }), OTHER.sign()]);
  const requests = tokens.map((token, index) => get(`/${index}`, bearer(token)));
  const answer = await talk(pair.inboundPort, requests.join('') + last('/3'));
  assert.deepEqual(
    answer.match(/HTTP\/1.1 \d+/g),
    ['200', '200', '401', '200'].map((code) => `HTTP/1.1 ${code}`),
  );
  assert.deepEqual(answer.match(/<\/\d>/g), ['</0>', '</1>', '</3>']);
});

test('a body that comes with a new token reaches the app whole', async () => {
  const app = await serve((socket) => {
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.endsWith('end')) socket.write(ok(String(text.length - text.indexOf('\r\n\r\n') - 4)));
    });
  });
  const pair = await start(app, { inbound: withIssuers([issuer([KEY])]) });
  const body = `${'x'.repeat(300_000)}end`;
  const more = `Content-Length: ${body.length}\r\nConnection: close\r\n${bearer(await KEY.sign())}`;
  const answer = await talk(pair.inboundPort, `POST / HTTP/1.1\r\nHost: api\r\n${more}\r\n${body}`);
  assert.match(answer, /^HTTP\/1.1 200[\s\S]*300003$/);
});

test('a client that goes while its token is verified leaves nothing behind', async () => {
  const app = await echoHead();
  const pair = await start(app, { inbound: withIssuers([issuer([KEY])]) });
  for (let n = 0; n < 20; n += 1) {
    const socket = await connect(pair.inboundPort);
    socket.write(get('/', bearer(await KEY.sign({ n }))));
    socket.resetAndDestroy();
  }
  await until(() => pair.api.path.connections().open === 0, 'the connections to be gone');
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', bearer(await KEY.sign())))), 200);
});

test('a tunnel ends with the keys its token was verified with', async () => {
  const app = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst');
    });
  });
  const pair = await start(app, { inbound: withIssuers([issuer([KEY])], [ADMIN]) });
  const socket = await connect(pair.inboundPort);
  const upgrade = `Connection: upgrade\r\nUpgrade: echo\r\n${bearer(await KEY.sign({ role: 'admin' }))}`;
  socket.write(get('/', upgrade));
  await readUntil(socket, 'first');
  setInbound(pair, withIssuers([issuer([KEY])], [{ ...ADMIN, name: 'renamed' }]));
  assert.equal(socket.readyState, 'open');
  const ended = new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  setInbound(pair, withIssuers([issuer([OTHER])], [ADMIN]));
  await ended;
  socket.destroy();
  assert.equal(lastLog(pair).code, 'unauthenticated');
});

test('a configuration that names an issuer that is not there is refused as a whole', async () => {
  const pair = await start(await echoHead());
  const next = withIssuers([issuer([KEY])]);
  assert.throws(() => setInbound(pair, { ...next, issuers: [] }), /issuer 0/);
});

test('audiences are not asked for where the policy names none', async () => {
  const { audiences, ...any } = issuer([KEY]);
  assert.deepEqual(audiences, [AUDIENCE]);
  const pair = await start(await echoHead(), { inbound: withIssuers([any]) });
  const token = bearer(await KEY.sign({ aud: undefined }));
  assert.equal(statusOf(await talk(pair.inboundPort, last('/', token))), 200);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyConfig } from '../api/proxy-config.ts';
import { get, last, start, until } from './testing/harness.ts';
import type { Pair } from './testing/pair.ts';
import { ADMIN, bearer, issuer, TestKey, withIssuers } from './testing/tokens.ts';
import {
  type Asked,
  ask,
  assertError,
  openClient,
  serveVersion,
  statusOf,
  VERSIONS,
} from './testing/versions.ts';
import { connect, ok, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const KEY = await TestKey.create();
const OTHER = await TestKey.create('k2');

const lastLog = (pair: Pair) => JSON.parse(pair.api.log.at(-1)!);
function setInbound(pair: Pair, next: ProxyConfig['inbound']): void {
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: next });
}

for (const version of VERSIONS) {
  test(`${version}: keys rotate on an open connection: tokens of the old one are refused, of the new one accepted`, async () => {
    const pair = await start(await serveVersion(version), {
      inbound: withIssuers([issuer([KEY])], [ADMIN]),
    });
    const old = bearer(await KEY.sign({ role: 'admin' }));
    const fresh = bearer(await OTHER.sign({ role: 'admin' }));
    const client = openClient(version, pair.inboundPort);
    const statusFor = async (headers: Asked['headers']) =>
      statusOf(version, await client.ask({ headers: { ...headers } }));
    assert.deepEqual([await statusFor(old), await statusFor(fresh)], [200, 401]);
    setInbound(pair, withIssuers([issuer([KEY, OTHER])], [ADMIN]));
    assert.deepEqual([await statusFor(old), await statusFor(fresh)], [200, 200]);
    setInbound(pair, withIssuers([issuer([OTHER])], [ADMIN]));
    assert.deepEqual([await statusFor(old), await statusFor(fresh)], [401, 200]);
    setInbound(pair, { ...withIssuers([]), ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }] });
    assert.equal(await statusFor(bearer('nobody looks')), 200);
    assert.equal(pair.api.path.connections().open, 1);
    client.close();
  });

  test(`${version}: an issuer whose keys could not be had lets nobody in, and the log says so`, async () => {
    const pair = await start(await serveVersion(version), { inbound: withIssuers([issuer([])]) });
    const headers = bearer(await KEY.sign());
    assertError(version, await ask(version, pair.inboundPort, { headers }), 'unauthenticated');
    assert.equal(lastLog(pair).reason, 'no keys of issuer id yet');
    setInbound(pair, withIssuers([issuer([KEY])]));
    assert.equal((await ask(version, pair.inboundPort, { headers })).body, 'done');
  });

  test(`${version}: with too many tokens to verify at once a request with another is refused`, async () => {
    const pair = await start(await serveVersion(version), {
      inbound: withIssuers([issuer([KEY])]),
      limits: { maxTokenVerifications: 0 },
    });
    const headers = bearer(await KEY.sign());
    assertError(version, await ask(version, pair.inboundPort, { headers }), 'overloaded');
  });

  test(`${version}: a body that comes with a new token reaches the app whole`, async () => {
    const app = await serveVersion(version, ({ body, answer }) => answer(200, `${body.length}`));
    const pair = await start(app, { inbound: withIssuers([issuer([KEY])]) });
    const headers = bearer(await KEY.sign());
    const asked = { method: 'POST', headers, body: 'x'.repeat(300_003) };
    assert.equal((await ask(version, pair.inboundPort, asked)).body, '300003');
  });

  test(`${version}: a client that goes while its token is verified leaves nothing behind`, async () => {
    const pair = await start(await serveVersion(version), { inbound: withIssuers([issuer([KEY])]) });
    for (let n = 0; n < 20; n += 1) {
      const headers = bearer(await KEY.sign({ n }));
      const client = openClient(version, pair.inboundPort);
      const request = client.begin({ headers });
      request.answer.catch(() => {});
      request.end();
      await until(() => pair.api.path.connections().open > 0);
      request.leave();
      client.close();
    }
    await until(() => pair.api.path.connections().open === 0, 'the connections to be gone');
    const headers = bearer(await KEY.sign());
    assert.equal((await ask(version, pair.inboundPort, { headers })).body, 'done');
  });
}

const line = (token: string) => `Authorization: Bearer ${token}\r\n`;

test('requests in one write are answered in their order, whatever their tokens take', async () => {
  const app = await serveHttp((head) => ok(`<${head.split(' ')[1]}>`));
  const pair = await start(app, { inbound: withIssuers([issuer([KEY])]) });
  const tokens = await Promise.all([KEY.sign({ n: 1 }), KEY.sign({ n: 2 }), OTHER.sign()]);
  const requests = tokens.map((token, index) => get(`/${index}`, line(token)));
  const answer = await talk(pair.inboundPort, requests.join('') + last('/3'));
  assert.deepEqual(
    answer.match(/HTTP\/1.1 \d+/g),
    ['200', '200', '401', '200'].map((code) => `HTTP/1.1 ${code}`),
  );
  assert.deepEqual(answer.match(/<\/\d>/g), ['</0>', '</1>', '</3>']);
});

test('a tunnel ends with the keys its token was verified with', async () => {
  const app = await serve((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst');
    });
  });
  const pair = await start(app, { inbound: withIssuers([issuer([KEY])], [ADMIN]) });
  const socket = await connect(pair.inboundPort);
  const upgrade = `Connection: upgrade\r\nUpgrade: echo\r\n${line(await KEY.sign({ role: 'admin' }))}`;
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
  const pair = await start(await serveVersion('http1'));
  const next = withIssuers([issuer([KEY])]);
  assert.throws(() => setInbound(pair, { ...next, issuers: [] }), /issuer 0/);
});

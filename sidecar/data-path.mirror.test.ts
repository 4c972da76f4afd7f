import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { get, last, until } from './testing/harness.ts';
import { deadPort, type Served, serveRequests } from './testing/http-server.ts';
import { connect, readUntil, serve, type TestServer, talk } from './testing/wire.ts';

const DONE = ({ answer }: Served) => answer(200, 'done');
const ROUTES = [{ name: 'route', mirror: { backend: 0, percent: 100 } }];

async function mirrored(mirror: TestServer | undefined, percent = 100, respond = DONE): Promise<Caller> {
  const routes = [{ name: 'route', mirror: { backend: 0, percent } }];
  const backends = [{ name: 'shop/shadow:80', servers: mirror === undefined ? [] : [mirror] }];
  return Caller.start([await serveRequests(respond)], { traffic: { routes }, backends });
}
const post = (body: string) =>
  get('/pay', `Connection: close\r\nContent-Length: ${body.length}\r\n`).replace('GET', 'POST') + body;
const chunked = (body: string) =>
  `${get('/pay', 'Connection: close\r\nTransfer-Encoding: chunked\r\n').replace('GET', 'POST')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const results = (caller: Caller) =>
  Object.fromEntries(
    ['answered', 'failed', 'dropped'].map((result) => [
      result,
      caller.metric('weft_mirrored_total', `result="${result}"`),
    ]),
  );

for (const [what, request, body] of [
  ['without a body', last('/pay?x=1'), ''],
  ['with a body', post('a=1'), 'a=1'],
  ['with a chunked body', chunked('hello'), 'hello'],
] as const) {
  test(`a request ${what} is copied as it is sent`, async () => {
    const copies: Served[] = [];
    const shadow = await serveRequests((copy) => {
      copies.push(copy);
      copy.answer(500, 'of no interest');
    });
    const caller = await mirrored(shadow);
    assert.match(await talk(caller.port, request), /^HTTP\/1.1 200 [\s\S]*done/);
    await until(() => copies.length === 1);
    assert.equal(copies[0]!.body, body);
    assert.equal(copies[0]!.path.startsWith('/pay'), true);
    assert.equal(copies[0]!.headers.host, 'api');
    await until(() => results(caller).answered === 1);
  });
}

test('a percentage of requests is copied', async () => {
  const shadow = await serveRequests(DONE);
  const caller = await mirrored(shadow, 25);
  for (let i = 0; i < 200; i += 1) await talk(caller.port, last());
  await until(() => caller.metric('weft_mirrored_total') === shadow.seen.length);
  // three standard deviations of 200 draws at 25 %
  assert.ok(shadow.seen.length > 31 && shadow.seen.length < 69, `${shadow.seen.length} of 200`);
});

test('a request that is tried again is copied once', async () => {
  const shadow = await serveRequests(DONE);
  const retry = { attempts: 3, conditions: ['ServerError' as const], backoffBaseMs: 1, backoffMaxMs: 1 };
  const server = await serveRequests(({ answer }) => answer(500));
  const backends = [{ name: 'shop/shadow:80', servers: [shadow] }];
  const caller = await Caller.start([server], { traffic: { routes: [{ ...ROUTES[0]!, retry }] }, backends });
  await talk(caller.port, last());
  await until(() => results(caller).answered === 1);
  assert.equal(server.seen.length, 4);
  assert.equal(shadow.seen.length, 1);
});

for (const [what, mirror] of [
  ['has no endpoint', async () => undefined],
  ['refuses connections', async () => ({ port: await deadPort(), accepted: [], close: async () => {} })],
  ['closes at once', () => serve((socket) => socket.destroy())],
  ['answers with nonsense', () => serve((socket) => socket.end('nonsense\r\n\r\n'))],
] as const) {
  test(`a mirror that ${what} costs its request nothing`, async () => {
    const caller = await mirrored(await mirror());
    for (let i = 0; i < 5; i += 1) assert.match(await talk(caller.port, post('a=1')), /^HTTP\/1.1 200/);
    await until(() => results(caller).failed === 5);
    assert.equal(caller.metric('weft_errors_total'), 0);
  });
}

test('a mirror that never answers holds nobody up', async () => {
  const silent = await serve(() => {});
  const caller = await mirrored(silent);
  for (let i = 0; i < 10; i += 1) assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  await until(() => silent.accepted.length === 10);
});

test('a body the mirror does not read is let go, and comes to the endpoint whole', async () => {
  const deaf = await serve((socket) => socket.pause());
  const caller = await mirrored(deaf, 100, ({ body, answer }) => answer(200, `${body.length} bytes`));
  const body = 'x'.repeat(16 * 1024 * 1024);
  assert.match(await talk(caller.port, post(body)), /16777216 bytes$/);
  await until(() => results(caller).dropped === 1);
});

test('a client that goes away in the middle takes its copy with it', async () => {
  const shadow = await serve((socket) => socket.resume());
  const caller = await mirrored(shadow);
  const socket = await connect(caller.port);
  socket.write(get('/', 'Content-Length: 10\r\n').replace('GET', 'POST').concat('12345'));
  await until(() => shadow.accepted.length === 1);
  socket.destroy();
  await until(() => results(caller).dropped === 1);
  await until(() => shadow.accepted.every(({ destroyed, readableEnded }) => destroyed || readableEnded));
});

test('a copy is of what routes made of the request', async () => {
  const copies: Served[] = [];
  const shadow = await serveRequests((copy) => {
    copies.push(copy);
    copy.answer(200);
  });
  const headers = { request: { set: [{ name: 'x-set', value: 'yes' }] } };
  const rewrite = { path: { type: 'ReplaceFullPath' as const, value: '/new' } };
  const backends = [{ name: 'shop/shadow:80', servers: [shadow] }];
  const routes = [{ ...ROUTES[0]!, headers, rewrite }];
  const caller = await Caller.start([await serveRequests(DONE)], { traffic: { routes }, backends });
  await talk(caller.port, last('/old'));
  await until(() => copies.length === 1);
  assert.equal(copies[0]!.path, '/new');
  assert.equal(copies[0]!.headers['x-set'], 'yes');
});

test('an upgrade is not copied', async () => {
  const shadow = await serveRequests(DONE);
  const caller = await mirrored(shadow);
  const socket = await connect(caller.port);
  socket.write(get('/', 'Connection: Upgrade\r\nUpgrade: x\r\n'));
  await readUntil(socket, 'done');
  socket.destroy();
  assert.equal(caller.metric('weft_mirrored_total'), 0);
  assert.deepEqual(shadow.seen, []);
});

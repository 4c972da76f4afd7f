import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { until } from './testing/harness.ts';
import { ask, type Seen, serveVersion, type Version } from './testing/versions.ts';
import { serve, type TestServer } from './testing/wire.ts';

const POST = { method: 'POST', path: '/m?x', body: 'both', headers: { 'x-kept': 'yes' } };

/** Copies of all that is asked of a server of `version` go to `mirror`. */
async function mirrored(version: Version, mirror: TestServer, respond?: (seen: Seen) => void) {
  const app = await serveVersion(version, respond);
  const caller = await Caller.start([app], {
    backends: [{ name: 'shop/shadow:80', servers: [mirror] }],
    traffic: { routes: [{ name: 'all', mirror: { backend: 0, percent: 100 } }] },
  });
  const results = (result: string) => caller.metric('weft_mirrored_total', `result="${result}"`);
  return { app, caller, results };
}

test('copies of requests of HTTP/2 reach a mirror that knows only HTTP/1, bodies and all, and the next ones at once', async () => {
  const shadow = await serveVersion('http1');
  const { caller, results } = await mirrored('http2', shadow);
  assert.equal((await ask('http2', caller.port, POST)).body, 'done');
  await until(() => results('answered') === 1, 'the first copy');
  const [{ method, path, host, headers, body }] = shadow.seen as [Seen];
  assert.deepEqual([method, path, host, headers['x-kept'], body], ['POST', '/m?x', 'api', 'yes', 'both']);
  const connections = shadow.accepted.length;
  for (let turn = 2; turn <= 4; turn += 1) {
    assert.equal((await ask('http2', caller.port, POST)).body, 'done');
    await until(() => results('answered') === turn, `copy ${turn}`);
  }
  assert.equal(shadow.accepted.length, connections, 'it is not asked again in HTTP/2');
  assert.equal(shadow.seen.length, 4, 'each was sent once');
});

test('copies of requests of HTTP/1 reach a mirror that speaks only HTTP/2', async () => {
  const shadow = await serveVersion('http2');
  const { caller, results } = await mirrored('http1', shadow);
  // without a body, which would not be there to be sent a second time
  assert.equal((await ask('http1', caller.port, { path: '/first' })).body, 'done');
  await until(() => results('answered') === 1, 'the first copy');
  assert.equal((await ask('http1', caller.port, POST)).body, 'done');
  await until(() => results('answered') === 2, 'the second copy');
  assert.deepEqual(
    shadow.seen.map(({ method, path, body }) => [method, path, body]),
    [
      ['GET', '/first', ''],
      ['POST', '/m?x', 'both'],
    ],
  );
});

test('a copy with a body that is lost on a mirror of the other version is the last one that is lost', async () => {
  const shadow = await serveVersion('http2');
  const { caller, results } = await mirrored('http1', shadow);
  assert.equal((await ask('http1', caller.port, POST)).body, 'done');
  await until(() => results('failed') === 1, 'the first copy');
  assert.equal((await ask('http1', caller.port, POST)).body, 'done');
  await until(() => results('answered') === 1, 'the second copy');
});

test('copies to endpoints of a destination that is declared HTTP2 go as HTTP/2, as its requests do', async () => {
  const app = await serveVersion('http2');
  const caller = await Caller.start([app], {
    protocol: 'HTTP2',
    traffic: { routes: [{ name: 'all', mirror: { backend: -1, percent: 100 } }] },
  });
  assert.equal((await ask('http1', caller.port, POST)).body, 'done');
  await until(() => app.seen.length === 2, 'the request and its copy');
  assert.deepEqual(
    app.seen.map(({ body }) => body),
    ['both', 'both'],
  );
});

test('copies of gRPC calls are not translated: a mirror that knows only HTTP/1 gets none', async () => {
  const shadow = await serveVersion('http1');
  const { caller, results } = await mirrored('grpc', shadow);
  for (let turn = 1; turn <= 2; turn += 1) {
    assert.equal((await ask('grpc', caller.port, POST)).body, 'done');
    await until(() => results('failed') === turn, `copy ${turn}`);
  }
  assert.deepEqual(shadow.seen, []);
});

const LARGE = { ...POST, body: 'x'.repeat(100_000) };
const size = (seen: Seen) => seen.answer(200, `${seen.body.length}`);

test('a body too large to be held comes whole to a mirror that takes its version', async () => {
  const shadow = await serveVersion('http2');
  const { caller, results } = await mirrored('http2', shadow, size);
  // it is connected before the body comes
  assert.equal((await ask('http2', caller.port)).body, '0');
  await until(() => results('answered') === 1, 'the first copy');
  assert.equal((await ask('http2', caller.port, LARGE)).body, '100000');
  await until(() => results('answered') === 2, 'the second copy');
  assert.equal(shadow.seen[1]!.body.length, 100_000);
});

test('a copy of a body too large to be held is lost on a mirror that turns out to know only HTTP/1', async () => {
  const shadow = await serveVersion('http1');
  const { caller, results } = await mirrored('http2', shadow, size);
  assert.equal((await ask('http2', caller.port, LARGE)).body, '100000');
  await until(() => caller.metric('weft_mirrored_total') === 1, 'the copy');
  assert.equal(results('answered'), 0);
  assert.deepEqual(shadow.seen, []);
});

test('a mirror that answers in whichever version it was not asked in is asked twice and no more', async () => {
  let asked = 0;
  const contrary = await serve((socket) => {
    asked += 1;
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const isHttp2 = bytes.toString('latin1').startsWith('PRI ');
      // an empty SETTINGS frame
      socket.end(isHttp2 ? 'HTTP/1.1 400 Bad Request\r\n\r\n' : Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    });
  });
  const { caller, results } = await mirrored('http2', contrary);
  assert.equal((await ask('http2', caller.port)).body, 'done');
  await until(() => results('failed') === 1, 'the copy');
  assert.equal(asked, 2);
});

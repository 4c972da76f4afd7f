import assert from 'node:assert/strict';
import { connect as connectTo } from 'node:net';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { inbound, start, start as startPair, toClose } from './testing/harness.ts';
import { type Answered, ask, type Seen, serveVersion } from './testing/versions.ts';
import { serve, type TestServer } from './testing/wire.ts';

const POST = { method: 'POST', path: '/a?b', body: 'hello', headers: { 'x-kept': 'yes' } };

/** Echoes, with a field of its own. */
const echo = (seen: Seen) => seen.answer(200, `got ${seen.body}`, { 'x-own': 'app' });

function assertTranslated(answer: Answered, seen: readonly Seen[]): void {
  assert.deepEqual([answer.status, answer.body, answer.headers['x-own']], [200, 'got hello', 'app']);
  const [{ method, path, host, headers, body }] = seen as [Seen];
  assert.deepEqual([method, path, host, headers['x-kept'], body], ['POST', '/a?b', 'api', 'yes', 'hello']);
}

for (const protocol of ['HTTP2', 'GRPC'] as const) {
  test(`requests of HTTP/1 reach an app that is declared ${protocol} as HTTP/2, through two sidecars`, async () => {
    const app = await serveVersion('http2', echo);
    const pair = await start(app, { inbound: inbound([], { protocol }) });
    assertTranslated(await ask('http1', pair.port, POST), app.seen);
    assert.equal((await ask('http1', pair.port)).body, 'got ');
    assert.equal((await ask('http2', pair.port, POST)).body, 'got hello');
  });
}

test('requests of HTTP/1 reach an endpoint without sidecar that is declared HTTP2 as HTTP/2', async () => {
  const app = await serveVersion('http2', echo);
  const caller = await Caller.start([app], { protocol: 'HTTP2' });
  assertTranslated(await ask('http1', caller.port, POST), app.seen);
});

test('requests of HTTP/2 reach an app that knows only HTTP/1, bodies and all, and the next ones at once', async () => {
  const app = await serveVersion('http1', echo);
  const pair = await start(app);
  assertTranslated(await ask('http2', pair.port, POST), app.seen);
  const connections = app.accepted.length;
  for (let turn = 0; turn < 3; turn += 1)
    assert.equal((await ask('http2', pair.port, POST)).body, 'got hello');
  assert.equal(app.accepted.length, connections, 'it is not asked again in HTTP/2');
});

test('requests of HTTP/2 reach an endpoint without sidecar that knows only HTTP/1', async () => {
  const app = await serveVersion('http1', echo);
  const caller = await Caller.start([app]);
  assertTranslated(await ask('http2', caller.port, POST), app.seen);
  assert.equal((await ask('http2', caller.port, POST)).body, 'got hello');
  assert.equal(app.seen.length, 2, 'each was sent once');
});

test('requests of HTTP/1 reach an app of which nothing is declared and that speaks only HTTP/2', async () => {
  const app = await serveVersion('http2', echo);
  const pair = await start(app);
  // without a body, which would not be there to be sent a second time
  assert.equal((await ask('http1', pair.port)).body, 'got ');
  const connections = app.accepted.length;
  const answer = await ask('http1', pair.port, POST);
  assertTranslated(answer, app.seen.slice(1));
  assert.equal(app.accepted.length, connections, 'it is not asked again in HTTP/1');
});

test('requests of HTTP/1 reach an endpoint without sidecar that speaks only HTTP/2', async () => {
  const app = await serveVersion('http2', echo);
  const caller = await Caller.start([app]);
  const refused = await ask('http1', caller.port, POST);
  assert.deepEqual([refused.status, refused.code], [502, 'upstream-protocol']);
  assertTranslated(await ask('http1', caller.port, POST), app.seen);
});

/** Servers of both versions on one port; to the first connection it says only that HTTP/1 was not understood. */
async function serveAfterStray(...versions: readonly ('http1' | 'http2')[]) {
  const servers = { http1: await serveVersion('http1', echo), http2: await serveVersion('http2', echo) };
  toClose.push(servers.http1.close, servers.http2.close);
  const stray = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
  const front = await serve((socket) => {
    socket.on('error', () => {});
    if (front.accepted.length === 1) return void socket.once('data', () => socket.end(stray));
    socket.once('data', (bytes) => {
      const spoken = bytes.toString('latin1').startsWith('PRI ') ? 'http2' : 'http1';
      const { port } = servers[versions.includes(spoken) ? spoken : versions[0]!];
      const behind = connectTo({ port, host: '127.0.0.1', allowHalfOpen: true });
      behind.on('error', () => socket.destroy());
      behind.write(bytes);
      socket.pipe(behind).pipe(socket);
    });
  });
  return { front, servers };
}

test('a stray answer of HTTP/1 is unsaid by the first request that is answered in HTTP/2', async () => {
  const { front, servers } = await serveAfterStray('http2');
  const caller = await Caller.start([front]);
  for (let turn = 1; turn <= 2; turn += 1) {
    assert.equal((await ask('http2', caller.port)).body, 'got ');
    assert.equal((await ask('http2', caller.port, POST)).body, 'got hello');
  }
  assert.equal(servers.http2.seen.length, 4, 'each was sent once');
});

test('a stray answer of an app is unsaid by a gRPC call, which is never translated', async () => {
  const { front, servers } = await serveAfterStray('http1', 'http2');
  const pair = await start(front);
  assert.equal((await ask('http2', pair.port)).body, 'got ');
  assert.equal((await ask('http2', pair.port)).body, 'got ');
  assert.deepEqual([servers.http1.seen.length, servers.http2.seen.length], [2, 0]);
  assert.equal((await ask('grpc', pair.port)).status, 200);
  assert.equal((await ask('http2', pair.port, POST)).body, 'got hello');
  assert.deepEqual([servers.http1.seen.length, servers.http2.seen.length], [2, 2]);
});

/** As a server of HTTP/2 begins, with empty SETTINGS; then the end of what would be a head. */
const SETTINGS = Buffer.from('\0\0\0\x04\0\0\0\0\0\r\n\r\n', 'latin1');

/** It answers in HTTP/1, and every second request of a connection with what looks like HTTP/2; counts what it got. */
async function serveTwoTongues() {
  const got = { http1: 0, http2: 0 };
  const server = await serve((socket) => {
    let turn = 0;
    socket.on('data', (bytes) => {
      if (bytes.toString('latin1').startsWith('PRI ')) {
        got.http2 += 1;
        return void socket.destroy();
      }
      got.http1 += 1;
      turn += 1;
      socket.write(turn === 1 ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' : SETTINGS);
    });
  });
  toClose.push(server.close);
  return { server, got };
}

for (const [side, start] of [
  ['an endpoint', async (server: TestServer) => (await Caller.start([server])).port],
  ['an app', async (server: TestServer) => (await startPair(server)).port],
] as const) {
  test(`a request on a connection on which ${side} has answered HTTP/1 is not sent again, whatever comes of it`, async () => {
    const { server, got } = await serveTwoTongues();
    const port = await start(server);
    assert.equal((await ask('http1', port)).body, 'ok');
    const second = await ask('http1', port, { method: 'DELETE', path: '/' });
    assert.deepEqual([second.status, second.code], [502, 'upstream-protocol']);
    assert.deepEqual(got, { http1: 2, http2: 0 });
  });
}

test('gRPC is not translated: an app that knows only HTTP/1 gets no call', async () => {
  const app = await serveVersion('http1', echo);
  const pair = await start(app);
  const answer = await ask('grpc', pair.port);
  assert.equal(answer.status, 200);
  assert.notEqual(answer.grpcStatus, 0);
  assert.equal(app.seen.length, 0);
});

test('a body that is too large to be kept is not sent to an app that turns out to know only HTTP/1', async () => {
  const app = await serveVersion('http1', echo);
  const pair = await start(app);
  const body = 'x'.repeat(1_000_000);
  const answer = await ask('http2', pair.port, { ...POST, body });
  assert.deepEqual([answer.status, answer.code], [502, 'upstream-reset']);
  const again = await ask('http2', pair.port, { ...POST, body });
  assert.equal(again.body.length, 'got '.length + body.length);
});

test('a field is judged and translated as it is, with signs around it that are no whitespace in HTTP', async () => {
  const app = await serveVersion('http2', echo);
  const pair = await start(app, {
    inbound: inbound(
      [
        {
          ...{ policy: 'shop/api', name: 'no-admin', action: 'Deny', mode: 'Enforce' },
          to: [{ headers: [{ name: 'x-role', value: 'admin' }] }],
        },
      ],
      { protocol: 'HTTP2' },
    ),
  });
  const askAs = (role: string) => ask('http1', pair.inboundPort, { headers: { 'x-role': role } });
  assert.equal((await askAs('admin')).status, 403);
  // the no-break space of latin1, which is also the last byte of an à in UTF-8
  assert.equal((await askAs('\xa0admin\xa0')).status, 200);
  assert.equal(app.seen.length, 1);
  assert.equal(app.seen[0]!.headers['x-role'], '\xa0admin\xa0');
});

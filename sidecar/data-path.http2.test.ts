import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { test } from 'node:test';
import tls from 'node:tls';
import { ALPN } from '../api/names.ts';
import { Caller } from './testing/caller.ts';
import { inbound, start, toClose, until } from './testing/harness.ts';
import { type Pair, WEB } from './testing/pair.ts';
import { answerOf, ask, askOn, serveVersion } from './testing/versions.ts';
import { connect, readAll, readUntil, serve } from './testing/wire.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const REFUSED = /weft_errors_total\{direction="inbound",code="bad-request"\} 1\n/;
const PROTOCOLS = [undefined, 'HTTP', 'HTTP2', 'GRPC'] as const;

function session(port: number) {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  client.on('error', () => {});
  toClose.push(async () => client.destroy());
  return client;
}

for (const protocol of PROTOCOLS) {
  const declared = protocol === undefined ? {} : { protocol };
  test(`on a port declared ${protocol ?? 'nothing'} each request of HTTP/2 is told by whom, and no app is told lies`, async () => {
    const app = await serveVersion('http2');
    const pair = await start(app, { inbound: inbound([], declared), destination: declared });
    const forged = { 'weft-caller': 'spiffe://x', 'weft-caller-address': '1.2.3.4' };
    assert.equal((await ask('http2', pair.port, { path: '/a', headers: forged })).body, 'done');
    assert.equal((await ask('http2', pair.inboundPort, { path: '/b', headers: forged })).body, 'done');
    const [meshed, anonymous] = app.seen;
    assert.equal(meshed!.path, '/a');
    assert.equal(meshed!.headers['weft-caller'], WEB);
    assert.equal(anonymous!.headers['weft-caller'], undefined);
    for (const { headers } of app.seen) assert.equal(headers['weft-caller-address'], '127.0.0.1');
    assert.match(
      pair.api.path.renderMetrics(),
      /weft_requests_total\{.*protocol="http2".*mtls="true".*\} 1\n/,
    );
    assert.match(
      pair.web.path.renderMetrics(),
      /weft_requests_total\{.*protocol="http2".*mtls="true".*\} 1\n/,
    );
  });
}

test('requests of many clients share one connection to the app', async () => {
  const app = await serveVersion('http2');
  const pair = await start(app);
  await Promise.all(Array.from({ length: 8 }, (_, turn) => ask('http2', pair.port, { path: `/${turn}` })));
  assert.equal(app.seen.length, 8);
  assert.equal(app.accepted.length, 1);
});

test('requests of one connection are balanced one by one', async () => {
  const servers = [await serveVersion('http2'), await serveVersion('http2')];
  const caller = await Caller.start(servers, {
    traffic: { loadBalancing: { algorithm: 'RoundRobin' } },
  });
  const client = session(caller.port);
  for (let turn = 0; turn < 8; turn += 1) assert.equal((await askOn(client, {})).status, 200);
  assert.deepEqual(
    servers.map(({ seen }) => seen.length),
    [4, 4],
  );
  assert.equal(caller.metric('weft_requests_total', 'protocol="http2"'), 8);
});

test('an app that takes one request at a time gets more connections', async () => {
  const waiting: (() => void)[] = [];
  const app = await serveVersion('http2', (seen) => waiting.push(() => seen.answer(200, 'done')), {
    settings: { maxConcurrentStreams: 1 },
  });
  const pair = await start(app);
  const client = session(pair.port);
  // the limit is known with the first answer
  const first = askOn(client, {});
  await until(() => waiting.length === 1, 'the first');
  waiting.pop()!();
  await first;
  const more = [1, 2, 3].map(() => askOn(client, {}));
  await until(() => waiting.length === 3, 'three at a time');
  for (const answer of waiting.splice(0)) answer();
  assert.deepEqual(
    (await Promise.all(more)).map(({ status }) => status),
    [200, 200, 200],
  );
  assert.equal(app.accepted.length, 3);
});

test('an app that says GOAWAY loses no request, whatever its method', async () => {
  const app = await serveVersion('http2');
  const pair = await start(app);
  const client = session(pair.port);
  for (let turn = 0; turn < 20; turn += 1) {
    const { status } = await askOn(client, { method: 'POST', body: 'x'.repeat(100) });
    assert.equal(status, 200);
    if (turn % 4 === 3) app.sessions.at(-1)!.close();
  }
  assert.equal(app.seen.length, 20);
  assert.ok(app.accepted.length >= 5);
});

test('a request that an app refuses unseen is sent again, its body too', async () => {
  let refusals = 0;
  const app = await serveVersion('http2');
  const pair = await start(app);
  const client = session(pair.port);
  assert.equal((await askOn(client, {})).status, 200);
  app.sessions[0]!.removeAllListeners('stream');
  app.sessions[0]!.on('stream', (stream) => {
    refusals += 1;
    stream.on('error', () => {});
    stream.close(7);
  });
  const { status, body } = await askOn(client, { method: 'POST', body: 'precious' });
  assert.equal(status, 200, body);
  assert.equal(refusals, 1);
  assert.equal(app.seen.at(-1)!.body, 'precious');
});

test('bodies flow both ways at once, and trailers follow them', async () => {
  const app = await serveVersion('grpc');
  const pair = await start(app);
  const client = session(pair.port);
  const stream = client.request(
    { ':method': 'POST', ':path': '/' },
    { endStream: false, waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
  const answer = answerOf(stream);
  stream.write('ping');
  stream.end('pong');
  const { body, trailers } = await answer;
  assert.deepEqual([body, trailers['grpc-status']], ['done', '0']);
  assert.equal(app.seen[0]!.body, 'pingpong');
  assert.equal(app.seen[0]!.trailers['x-sum'], '7');
});

/** As a sidecar that does not know HTTP/2 sends it. */
async function tlsTo(pair: Pair, alpn: string) {
  const identity = await pair.authority.workload(WEB);
  const socket = tls.connect({
    ...{ port: pair.inboundPort, host: '127.0.0.1', ALPNProtocols: [alpn] },
    ...{ cert: identity.certificate, key: identity.privateKey, ca: identity.trustBundle },
    checkServerIdentity: () => undefined,
  });
  toClose.push(async () => void socket.destroy());
  socket.on('error', () => {});
  return socket;
}

test('HTTP/2 that another sidecar carries as bytes is requests all the same', async () => {
  const app = await serveVersion('http2');
  const pair = await start(app);
  const socket = await tlsTo(pair, ALPN.tcp);
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const client = connectHttp2('http://api', { createConnection: () => socket });
  client.on('error', () => {});
  assert.equal((await askOn(client, { path: '/old' })).body, 'done');
  assert.equal(app.seen[0]!.headers['weft-caller'], WEB);
  client.destroy();
});

test('an endpoint whose sidecar does not know HTTP/2 gets it as bytes, and cannot speak for the mesh', async () => {
  const app = await serveVersion('http2', (seen) =>
    seen.answer(503, 'no', { 'weft-error': 'connect-failure' }),
  );
  const pair = await start(app);
  const identity = await pair.authority.workload('spiffe://cluster.local/ns/shop/sa/api');
  const offered: unknown[] = [];
  const old = tls.createServer(
    {
      ...{ cert: identity.certificate, key: identity.privateKey, ca: identity.trustBundle },
      ...{ requestCert: true, ALPNProtocols: [ALPN.http1, ALPN.tcp] },
    },
    (socket) => {
      offered.push(socket.alpnProtocol);
      void connect(app.port).then((to) =>
        socket
          .on('error', () => {})
          .pipe(to)
          .pipe(socket),
      );
    },
  );
  await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
  toClose.push(async () => void old.close());
  const { port } = old.address() as { port: number };
  const caller = await Caller.start([{ port, accepted: [], close: async () => {} }], {
    identity: await pair.authority.workload(WEB),
    endpoints: [{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/api' }],
  });
  const answer = await ask('http2', caller.port);
  assert.deepEqual([answer.status, answer.body, answer.code], [503, 'no', undefined]);
  assert.deepEqual(offered, [ALPN.tcp]);
});

for (const protocol of [undefined, 'HTTP'] as const) {
  test(`a port declared ${protocol ?? 'nothing'} cuts HTTP/2 that comes after the server has spoken`, async () => {
    let heard = '';
    const app = await serve((socket) => {
      socket.write('hello');
      socket.on('data', (bytes) => {
        heard += bytes.toString('latin1');
      });
    });
    const pair = await start(app, { inbound: inbound([], protocol === undefined ? {} : { protocol }) });
    const socket = await tlsTo(pair, ALPN.tcp);
    await readUntil(socket, 'hello');
    const rest = readAll(socket);
    socket.write(PREFACE);
    assert.equal(await rest, '');
    assert.equal(heard, '');
    assert.match(pair.api.path.renderMetrics(), REFUSED);
  });
}

test('a server that sends its settings before a slow client speaks is none that speaks first', async () => {
  const app = await serveVersion('http2');
  const pair = await start(app);
  for (const port of [pair.port, pair.inboundPort]) {
    const socket = await connect(port);
    await new Promise((resolve) => setTimeout(resolve, 250));
    const client = connectHttp2('http://api', { createConnection: () => socket });
    client.on('error', () => {});
    assert.equal((await askOn(client, {})).body, 'done');
    client.destroy();
  }
  assert.equal(app.seen[0]!.headers['weft-caller'], WEB);
  assert.equal(app.seen.length, 2);
});

test('a preface that comes in many pieces is one', async () => {
  const pair = await start(await serveVersion('http2'));
  const slow = await connect(pair.inboundPort);
  slow.setNoDelay(true);
  for (const byte of PREFACE) {
    slow.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  slow.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  const isAck = await readUntil(slow, '\x04\x01\x00\x00\x00\x00');
  assert.ok(isAck.length > 0);
  slow.destroy();
});

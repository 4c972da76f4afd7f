import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import tls from 'node:tls';
import type { AuthorizationRule } from '../api/proxy-config.ts';
import { eventually } from './control/control.fixture.ts';
import { TestAuthority } from './testing/certificates.ts';
import { inbound, sleep, start, startRecorded, stillness } from './testing/harness.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const ALLOW_GETS: AuthorizationRule = {
  policy: 'shop/api',
  name: 'gets',
  action: 'Allow',
  mode: 'Enforce',
  to: [{ methods: ['GET'] }],
};
const DENY_ALL: AuthorizationRule = { policy: 'shop/api', name: 'none', action: 'Deny', mode: 'Enforce' };

/** Greets, then says back what it is told, and ends when told to end. */
const greeter = () =>
  serve((socket) => {
    socket.write('220 ready\r\n');
    socket.pipe(socket);
  });
/** Speaks only when spoken to. */
const echo = () => serve((socket) => socket.pipe(socket));

test('a server that speaks first is heard without the client saying a word, encrypted, and again without speculation', async () => {
  const { pair, wire } = await startRecorded(await greeter());
  for (let round = 0; round < 2; round += 1) {
    const socket = await connect(pair.port);
    assert.equal(await readUntil(socket, 'ready\r\n'), '220 ready\r\n');
    const rest = readAll(socket);
    socket.end('QUIT\r\n');
    assert.equal(await rest, 'QUIT\r\n');
  }
  assert.doesNotMatch(wire(), /ready|QUIT/);
  assert.match(pair.web.path.renderMetrics(), /weft_tcp_connections_open\{[^}]*mtls="true"\} 0\n/);
  assert.match(pair.web.path.renderMetrics(), /weft_tcp_bytes_total\{[^}]*flow="sent"\} 12\n/);
  assert.match(pair.web.path.renderMetrics(), /weft_tcp_bytes_total\{[^}]*flow="received"\} 34\n/);
});

test('a client that speaks first and opaquely is carried, and its half-close arrives', async () => {
  const pair = await start(await echo());
  assert.equal(await talk(pair.port, '*1\r\n$4\r\nPING\r\n', true), '*1\r\n$4\r\nPING\r\n');
});

test('a destination is in use as long as an opaque connection to it is open', async () => {
  const pair = await start(await greeter());
  const isInUse = () => pair.web.state.destinations.isInUse('shop/api:80');
  assert.equal(isInUse(), false);
  const socket = await connect(pair.port);
  await readUntil(socket, 'ready\r\n');
  assert.equal(isInUse(), true);
  const rest = readAll(socket);
  socket.end();
  await rest;
  await eventually('nothing leads there any more', () => !isInUse());
});

test('a client that half-closes without a word still hears the server', async () => {
  const app = await serve((socket) => {
    socket.resume();
    socket.once('end', () => socket.end('the time'));
  });
  const pair = await start(app);
  assert.equal(await talk(pair.port, '', true), 'the time');
});

test('TLS of the app passes through the mesh untouched', async () => {
  const pair = await start(await echo());
  const hello = Buffer.from('160301000401000000', 'hex').toString('latin1');
  assert.equal(await talk(pair.port, hello, true), hello);
});

test('large opaque streams pass whole in both directions at once', async () => {
  const pair = await start(await echo(), { destination: { protocol: 'TCP' } });
  const data = randomBytes(4_000_000);
  assert.equal(await talk(pair.port, data.toString('latin1'), true), data.toString('latin1'));
});

test('a connection that is denied is closed before the app hears of it', async () => {
  const app = await echo();
  const pair = await start(app, {
    inbound: inbound([DENY_ALL]),
    destination: { protocol: 'TCP' },
  });
  assert.equal(await talk(pair.port, 'hello'), '');
  assert.equal(app.accepted.length, 0);
  assert.match(pair.api.path.renderMetrics(), /weft_errors_total\{direction="inbound",code="denied"\} 1\n/);
});

test('an Allow rule with HTTP fields never lets an opaque connection in, and lets requests in', async () => {
  const app = await serveHttp(() => ok('fine'));
  const pair = await start(app, {
    inbound: inbound([ALLOW_GETS], { authorizationDefault: 'Deny' }),
  });
  assert.equal(await talk(pair.port, '*1\r\n$4\r\nPING\r\n'), '');
  const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  assert.match(await talk(pair.port, request), /fine$/);
});

test('a server that speaks first is heard by a client outside the mesh, on a Permissive port', async () => {
  const pair = await start(await greeter());
  const socket = await connect(pair.inboundPort);
  await readUntil(socket, '220 ready\r\n');
  socket.destroy();
});

test('TLS that is not ours passes on a Permissive port and is closed on a Strict one', async () => {
  const authority = await TestAuthority.create();
  const leaf = await authority.leaf({ uris: [], dnsNames: ['app'] });
  const app = tls.createServer({ cert: leaf.certificate, key: leaf.privateKey }, (socket) =>
    socket.end('over tls'),
  );
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  const { port } = app.address() as { port: number };
  const server = {
    port,
    accepted: [],
    close: () => new Promise<void>((resolve) => app.close(() => resolve())),
  };
  const dial = (to: number) => {
    const socket = tls.connect({ port: to, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => {});
    return readAll(socket);
  };
  const permissive = await start(server);
  assert.equal(await dial(permissive.inboundPort), 'over tls');
  const strict = await start(
    { ...server, close: async () => {} },
    { inbound: inbound([], { mtls: 'Strict' }) },
  );
  assert.equal(await dial(strict.inboundPort), '');
});

test('HTTP sent over an opaque connection of the mesh is still read as HTTP: the caller cannot be forged', async () => {
  const app = await serveHttp((head) => ok(head));
  const pair = await start(app, { destination: { protocol: 'TCP' } });
  const answer = await talk(
    pair.port,
    'GET / HTTP/1.1\r\nHost: a\r\nweft-caller: spiffe://x\r\nConnection: close\r\n\r\n',
  );
  assert.match(answer, /weft-caller: spiffe:\/\/cluster.local\/ns\/shop\/sa\/web/);
  assert.doesNotMatch(answer, /spiffe:\/\/x/);
});

test('nor by a client outside the mesh that waits until the app has been dialled', async () => {
  const app = await serveHttp((head) => ok(head));
  const pair = await start(app);
  const socket = await connect(pair.inboundPort);
  await sleep(250);
  socket.write('\r\nGET / HTTP/1.1\r\nHost: a\r\nweft-caller: spiffe://x\r\nConnection: close\r\n\r\n');
  const answer = await readAll(socket);
  assert.match(answer, /^HTTP\/1.1 200 [\s\S]*weft-caller-address/);
  assert.doesNotMatch(answer, /spiffe/);
});

test('nor in a first line that comes in pieces, with a method nobody knows', async () => {
  const heard: string[] = [];
  const app = await serve((socket) => socket.on('data', (bytes) => heard.push(bytes.toString())));
  const pair = await start(app);
  const socket = await connect(pair.inboundPort);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  socket.write('BREW');
  while (heard.length === 0) await sleep(10);
  socket.write(' / HTTP/1.1\r\nHost: a\r\nweft-caller: spiffe://x\r\n\r\n');
  await closed;
  assert.deepEqual(heard, ['BREW']);
});

test('an opaque client that never reads stops the server from being read', async () => {
  let written = 0;
  const app = await serve((socket) => {
    const chunk = Buffer.alloc(65_536);
    const more = () => {
      do written += chunk.length;
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', more);
    more();
  });
  const pair = await start(app, { destination: { protocol: 'TCP' } });
  const socket = await connect(pair.port);
  socket.pause();
  const taken = await stillness(() => written);
  assert.ok(taken < 60_000_000, `${taken} bytes were taken`);
  socket.destroy();
});

test('an opaque connection without a byte is let go after its idle time', async () => {
  const pair = await start(await echo(), {
    destination: { protocol: 'TCP' },
    limits: { idleTimeoutMs: 200 },
  });
  assert.equal(await talk(pair.port, 'x'), 'x');
});

test('an app that resets its connection resets the client, which cannot take it for an end', async () => {
  const app = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const pair = await start(app, { destination: { protocol: 'TCP' } });
  const socket = await connect(pair.port);
  const errors: Error[] = [];
  socket.on('error', (error) => errors.push(error));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  socket.write('x');
  await closed;
  assert.equal(errors.length, 1);
});

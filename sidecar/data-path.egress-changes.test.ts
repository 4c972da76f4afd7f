import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED, clientHello, DENIED, EgressSide, everything, listed, POLICY } from './testing/egress.ts';
import { until } from './testing/harness.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp } from './testing/wire.ts';

const request = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const hello = await clientHello({ servername: 'api.example' });
/** Answers whatever comes with a word, and goes on listening. */
const talker = () => serve((socket) => socket.on('data', () => socket.write('word')));

/** A connection that carries TLS as far as the sidecar can tell. */
async function opaque(side: EgressSide) {
  const socket = await connect(side.port);
  socket.write(hello);
  await readUntil(socket, 'word');
  return socket;
}

test('new requests on an open connection follow the policy in force', async () => {
  const side = await EgressSide.start(await serveHttp(() => ok('here')), listed('api.example'));
  const socket = await connect(side.port);
  socket.write(request('api.example'));
  await readUntil(socket, 'here');
  side.setEgress(listed('other.example'));
  socket.write(request('api.example'));
  assert.match(await readUntil(socket, 'denied"'), /^HTTP\/1.1 403/);
  socket.write(request('other.example'));
  await readUntil(socket, 'here');
  socket.destroy();
});

test('a request in flight ends as it began', async () => {
  let answer = () => {};
  const server = await serveHttp((_head, socket) => {
    answer = () => socket.write(ok('late'));
    return undefined;
  });
  const side = await EgressSide.start(server, listed('api.example'));
  const socket = await connect(side.port);
  socket.write(request('api.example'));
  await until(() => server.accepted.length === 1 && side.metric(ALLOWED) === 1);
  await until(() => server.accepted[0]!.bytesRead > 0);
  side.setEgress(listed('other.example'));
  answer();
  await readUntil(socket, 'late');
  socket.destroy();
});

test('an open TLS connection to what is no longer listed is closed, and logged', async () => {
  const server = await talker();
  const side = await EgressSide.start(server, listed('api.example'));
  const socket = await opaque(side);
  const ended = readAll(socket);
  side.setEgress(listed('other.example'));
  await ended;
  await until(() => server.accepted[0]!.destroyed);
  assert.equal(side.log[0]?.host, 'api.example');
  assert.equal(side.log[0]?.policy, POLICY);
  assert.match(String(side.log[0]?.reason), /policy changed/);
  assert.equal(side.metric(DENIED), 1);
});

test('an open TLS connection to what is still listed stays', async () => {
  const side = await EgressSide.start(await talker(), listed('api.example'));
  const socket = await opaque(side);
  side.setEgress(listed('*.example'));
  socket.write('more');
  await readUntil(socket, 'word');
  socket.destroy();
});

test('a tunnel is closed with what allowed the request that opened it', async () => {
  const server = await serve((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'));
  });
  const side = await EgressSide.start(server, listed('api.example'));
  const socket = await connect(side.port);
  socket.write('GET / HTTP/1.1\r\nHost: api.example\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
  await readUntil(socket, '\r\n\r\n');
  side.setEgress(listed('api.example', 'other.example'));
  assert.equal(socket.destroyed, false);
  const ended = readAll(socket);
  side.setEgress(listed('other.example'));
  await ended;
  await until(() => server.accepted[0]!.destroyed);
});

test('what AllowAll let through without a name is closed when only what is listed may pass', async () => {
  const server = await talker();
  const side = await EgressSide.start(server, everything());
  const socket = await opaque(side);
  const ended = readAll(socket);
  side.setEgress(listed('api.example'));
  await ended;
  assert.equal(side.log[0]?.code, 'denied');
});

test('a connection whose name is still being read is judged by the policy in force then', async () => {
  const server = await talker();
  const side = await EgressSide.start(server, listed('other.example'));
  const socket = await connect(side.port);
  socket.write(hello.subarray(0, 50));
  await until(() => side.state.destinations.asked.length === 1);
  side.setEgress(everything());
  socket.write(hello.subarray(50));
  await readUntil(socket, 'word');
  socket.destroy();
  const nameless = await connect(side.port);
  side.setEgress(listed('api.example'));
  nameless.write('\x01\x02');
  await readAll(nameless);
  assert.equal(side.metric(DENIED), 1);
});

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { get, last, sleep, start, until } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { WEB } from './testing/pair.ts';
import { connect, ok, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const DONE = (request: Served) => request.answer(200, 'done');

/** How many of the server's connections are open. */
function countOpen(server: { readonly accepted: readonly Socket[] }): number {
  return server.accepted.filter((socket) => !socket.destroyed).length;
}

test('a connection that is idle for long is closed', async () => {
  const server = await serveHttp(() => ok('done'));
  const caller = await Caller.start([server], { limits: { appIdleMs: 100 } });
  await talk(caller.port, last());
  assert.equal(caller.side.path.connections().pools, 1);
  await until(() => caller.side.path.connections().pools === 0);
});

test('a connection is closed before the end its server announced for it', async () => {
  const server = await serveHttp(() => ok('done', 'Keep-Alive: timeout=1\r\n'));
  const caller = await Caller.start([server]);
  await talk(caller.port, last());
  await talk(caller.port, last());
  assert.equal(server.accepted.length, 2);
});

test('a connection older than its age limit carries no further request', async () => {
  const server = await serveRequests(DONE);
  const caller = await Caller.start([server], { limits: { maxConnectionAgeMs: 150 } });
  await talk(caller.port, last());
  await talk(caller.port, last());
  assert.equal(server.accepted.length, 1);
  await sleep(250);
  await talk(caller.port, last());
  assert.equal(server.accepted.length, 2);
  await until(() => countOpen(server) === 1);
});

test('an old connection is not handed on to those that wait either', async () => {
  const held: Served[] = [];
  const server = await serveRequests((request) => held.push(request));
  const caller = await Caller.start([server], {
    limits: { maxConnectionAgeMs: 100 },
    traffic: { circuitBreaker: { maxConnections: 1 } },
  });
  const answers = [talk(caller.port, last('/1')), talk(caller.port, last('/2'))];
  await until(() => held.length === 1);
  await sleep(200);
  held[0]!.answer(200, 'done');
  await until(() => held.length === 2);
  held[1]!.answer(200, 'done');
  for (const answer of await Promise.all(answers)) assert.match(answer, /done$/);
  assert.equal(server.accepted.length, 2);
});

test('an idle connection the server has half-closed gets no request', async () => {
  const asked: number[] = [];
  const server = await serve((socket) => {
    const connection = server.accepted.length;
    socket.on('data', () => {
      asked.push(connection);
      socket.write(ok('done'));
      if (connection === 1) setTimeout(() => socket.end(), 20);
    });
  });
  const caller = await Caller.start([server]);
  await talk(caller.port, last());
  await until(() => caller.side.path.connections().pools === 0);
  // a POST: it would not be repeated
  assert.match(
    await talk(caller.port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx'),
    /done$/,
  );
  assert.deepEqual(asked, [1, 2]);
});

test('a connection with bytes nobody asked for gets no request', async () => {
  const server = await serve((socket) => {
    socket.on('data', () => {
      socket.write(ok('done'));
      setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'), 20);
    });
  });
  const caller = await Caller.start([server]);
  await talk(caller.port, last());
  await until(() => caller.side.path.connections().pools === 0);
  assert.match(await talk(caller.port, last()), /done$/);
  assert.equal(server.accepted.length, 2);
});

test('connections to an endpoint that is removed end: idle ones at once, busy ones with what they carry', async () => {
  const held: Served[] = [];
  const server = await serveRequests((request) =>
    request.path === '/hold' ? held.push(request) : DONE(request),
  );
  const other = await serveRequests(DONE);
  const caller = await Caller.start([server]);
  const busy = talk(caller.port, last('/hold'));
  await until(() => held.length === 1);
  await talk(caller.port, last());
  assert.equal(countOpen(server), 2);
  caller.setEndpoints([other.port]);
  await until(() => countOpen(server) === 1);
  await talk(caller.port, last());
  held[0]!.answer(200, 'held');
  assert.match(await busy, /held$/);
  await until(() => countOpen(server) === 0);
  assert.equal(other.seen.length, 1);
  await other.close();
});

test('a connection that is made while its endpoint is removed carries its request and ends', async () => {
  const server = await serveRequests(DONE);
  const caller = await Caller.start([server]);
  const socket = await connect(caller.port);
  socket.write(get());
  await until(() => caller.side.path.connections().pools === 1);
  caller.setEndpoints([]);
  assert.match(await readUntil(socket, 'done'), /^HTTP\/1.1 200/);
  socket.destroy();
  await until(() => caller.side.path.connections().pools === 0);
});

test('a new connect timeout leaves connections and those that wait for one alone', async () => {
  const held: Served[] = [];
  const server = await serveRequests((request) => held.push(request));
  const traffic = { circuitBreaker: { maxConnections: 1 } };
  const caller = await Caller.start([server], { traffic });
  const answers = [talk(caller.port, last('/1')), talk(caller.port, last('/2'))];
  await until(() => held.length === 1);
  caller.setTraffic({ ...traffic, timeout: { connectMs: 500 } });
  held[0]!.answer(200, 'done');
  await until(() => held.length === 2);
  held[1]!.answer(200, 'done');
  for (const answer of await Promise.all(answers)) assert.match(answer, /done$/);
  assert.equal(server.accepted.length, 1);
});

test('a new identity retires connections made with the old one, busy ones after their exchange', async () => {
  const held: Served[] = [];
  const app = await serveRequests((request) =>
    request.path === '/hold' ? held.push(request) : DONE(request),
  );
  const pair = await start(app);
  const busy = talk(pair.port, last('/hold'));
  await until(() => held.length === 1);
  await talk(pair.port, last());
  const inbound = () => pair.api.path.connections().open;
  assert.equal(inbound(), 2);
  pair.web.state.setIdentity(await pair.authority.workload(WEB));
  await until(() => inbound() === 1);
  held[0]!.answer(200, 'held');
  assert.match(await busy, /held$/);
  await until(() => inbound() === 0);
  assert.match(await talk(pair.port, last()), /done$/);
  assert.equal(inbound(), 1);
});

test('a connection whose handshake meets a new identity is used once', async () => {
  const pair = await start(await serveRequests(DONE));
  const socket = await connect(pair.port);
  socket.write(get());
  await until(() => pair.web.path.connections().pools === 1);
  pair.web.state.setIdentity(await pair.authority.workload(WEB));
  assert.match(await readUntil(socket, 'done'), /^HTTP\/1.1 200/);
  socket.destroy();
  await until(() => pair.web.path.connections().pools === 0);
});

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { get, last, until } from './testing/harness.ts';
import { serveRequests } from './testing/http-server.ts';
import { assertUnused } from './testing/usage.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const POLICY: RetryPolicy = { attempts: 3, conditions: ['GatewayError', 'Reset'], backoffBaseMs: 1 };
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody';

afterEach(assertUnused);

test('a retried chunked body is chunked again, with its trailers', async () => {
  const seen: string[] = [];
  const server = await serveRequests(({ headers, body, trailers, turn, answer }) => {
    seen.push(`${headers['transfer-encoding']} ${body} ${trailers['x-sum']}`);
    answer(turn === 1 ? 503 : 200);
  });
  const caller = await Caller.start([server], { traffic: { retry: { ...POLICY, nonIdempotent: true } } });
  const chunked =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n' +
    '3\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n';
  assert.match(await talk(caller.port, chunked), /^HTTP\/1.1 200/);
  assert.deepEqual(seen, ['chunked abcdefg 7', 'chunked abcdefg 7']);
});

test('nothing is tried again once a byte of a response has come', async () => {
  let asked = 0;
  const server = await serve((socket) => {
    socket.once('data', () => {
      asked += 1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Le');
      setTimeout(() => socket.destroy(), 10);
    });
  });
  const caller = await Caller.start([server], { traffic: { retry: POLICY } });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 502 [\s\S]*weft-error: upstream-reset/);
  assert.equal(asked, 1);
});

test('an answer that is not wanted and never ends does not keep its connection', async () => {
  const closed: string[] = [];
  const server = await serve((socket) => {
    const turn = server.accepted.length;
    socket.on('end', () => closed.push(`${turn}`));
    socket.once('data', () => {
      if (turn === 1)
        socket.write('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nnever the rest');
      else socket.write(ok('done', 'Connection: close\r\n'));
    });
  });
  const caller = await Caller.start([server], { traffic: { retry: POLICY } });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200 [\s\S]*done$/);
  await until(() => closed.includes('1'));
});

test('an answer that is not wanted is read to its end, and its connection is used again', async () => {
  const server = await serveRequests((request) =>
    request.turn === 1 ? request.answer(503, 'x'.repeat(10_000)) : request.answer(200, 'done'),
  );
  const caller = await Caller.start([server], { traffic: { retry: POLICY } });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  assert.equal(server.accepted.length, 1);
});

test('a stale connection costs an idempotent request without body nothing, and is repeated once only', async () => {
  // every connection answers once and dies under its second request; after the third, all die at once
  let connections = 0;
  const server = await serve((socket) => {
    const isDead = ++connections > 2;
    let asked = 0;
    socket.on('data', () => {
      asked += 1;
      if (isDead || asked > 1) socket.destroy();
      else socket.write(ok('once'));
    });
  });
  const caller = await Caller.start([server]);
  assert.match(await talk(caller.port, last()), /once$/);
  assert.match(await talk(caller.port, last()), /once$/);
  assert.equal(connections, 2);
  assert.match(await talk(caller.port, last()), /weft-error: upstream-reset/);
  assert.equal(connections, 3);
});

test('a request with a body, or that is not idempotent, is not repeated when a stale connection dies under it', async () => {
  for (const request of [
    POST,
    POST.replace('POST', 'PUT'),
    POST.replace(/Content-Length: 4\r\n\r\nbody/, '\r\n'),
  ]) {
    const used = new WeakSet<object>();
    const server = await serveHttp((_head, socket) => {
      if (used.has(socket)) return void socket.destroy();
      used.add(socket);
      return ok('once');
    });
    const caller = await Caller.start([server]);
    assert.match(await talk(caller.port, last()), /once$/);
    assert.match(await talk(caller.port, request), /^HTTP\/1.1 502 [\s\S]*weft-error: upstream-reset/);
    assert.equal(server.accepted.length, 1);
  }
});

test('one client connection is served on after a request that was tried again', async () => {
  const server = await serveRequests((request) =>
    request.turn % 2 === 1 ? request.answer(503, 'later') : request.answer(200, 'done'),
  );
  const caller = await Caller.start([server], { traffic: { retry: POLICY } });
  const socket = await connect(caller.port);
  for (let request = 0; request < 3; request += 1) {
    socket.write(get());
    assert.match(await readUntil(socket, 'done'), /^HTTP\/1.1 200/);
  }
  const rest = readAll(socket);
  socket.end(last());
  assert.match(await rest, /done$/);
  assert.equal(server.seen.length, 8);
});

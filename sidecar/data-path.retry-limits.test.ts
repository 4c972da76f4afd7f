import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { get, last, sleep, until } from './testing/harness.ts';
import { deadPort, type Served, serveRequests } from './testing/http-server.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, ok, readAll, readUntil, serve, serveHttp, talk } from './testing/wire.ts';

const POLICY: RetryPolicy = { attempts: 3, conditions: ['GatewayError', 'Reset'], backoffBaseMs: 1 };
const ROUND_ROBIN = { algorithm: 'RoundRobin' } as const;
const UNAVAILABLE = (request: Served) => request.answer(503, 'later');
const DONE = (request: Served) => request.answer(200, 'done');
const POST = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody';

afterEach(() => {
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

test('the budget bounds the retries of a destination, not those of one request', async () => {
  const server = await serveRequests(UNAVAILABLE);
  const caller = await Caller.start([server], {
    traffic: { retry: POLICY, retryBudget: { percent: 50, minPerSecond: 0 } },
  });
  for (let request = 0; request < 10; request += 1) await talk(caller.port, last());
  assert.equal(server.seen.length, 15);
  assert.equal(caller.metric('weft_retries_total'), 5);
});

test('the reserve of the budget lets a destination that is seldom asked have its retries', async () => {
  const server = await serveRequests(UNAVAILABLE);
  const caller = await Caller.start([server], {
    // a window of ten seconds
    traffic: { retry: POLICY, retryBudget: { percent: 0, minPerSecond: 1 } },
  });
  for (let request = 0; request < 4; request += 1) await talk(caller.port, last());
  assert.equal(server.seen.length, 4 + 10);
});

test('maxRetries bounds how many requests are being tried again at once', async () => {
  let waiting: Served[] = [];
  const server = await serveRequests((request) => {
    if (request.turn <= 3) waiting.push(request);
    else request.answer(200, 'done');
  });
  const caller = await Caller.start([server], {
    traffic: { retry: { ...POLICY, backoffBaseMs: 200 }, circuitBreaker: { maxRetries: 1 } },
  });
  const answers = [1, 2, 3].map(() => talk(caller.port, last()));
  await until(() => waiting.length === 3);
  for (const request of waiting) request.answer(503, 'later');
  waiting = [];
  const statuses = (await Promise.all(answers)).map((answer) => answer.slice(9, 12)).sort();
  assert.deepEqual(statuses, ['200', '503', '503']);
  assert.equal(server.seen.length, 4);
});

test('a retry the breaker refuses costs nothing of the budget', async () => {
  const server = await serveRequests(UNAVAILABLE);
  const caller = await Caller.start([server], {
    traffic: {
      retry: { ...POLICY, attempts: 1 },
      circuitBreaker: { maxRetries: 0 },
      retryBudget: { percent: 0, minPerSecond: 1 },
    },
  });
  for (let request = 0; request < 10; request += 1) await talk(caller.port, last());
  assert.equal(server.seen.length, 10);
  caller.setTraffic({ retry: { ...POLICY, attempts: 1 }, retryBudget: { percent: 0, minPerSecond: 1 } });
  await talk(caller.port, last());
  assert.equal(server.seen.length, 12);
});

test('another attempt goes to another endpoint', async () => {
  const bad = await serveRequests(UNAVAILABLE);
  const good = await serveRequests(DONE);
  const caller = await Caller.start([bad, good], { traffic: { retry: POLICY, loadBalancing: ROUND_ROBIN } });
  for (let request = 0; request < 6; request += 1) {
    assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  }
  assert.equal(bad.seen.length, caller.metric('weft_retries_total'));
});

test('when only one endpoint is usable, another attempt goes to that one again', async () => {
  const server = await serveRequests((request) => (request.turn === 3 ? UNAVAILABLE : DONE)(request));
  const dead = await deadPort();
  const caller = await Caller.start([server], {
    traffic: {
      retry: POLICY,
      loadBalancing: { ...ROUND_ROBIN, panicPercent: 0 },
      outlierDetection: { consecutiveErrors: 1, maxEjectedPercent: 50 },
    },
  });
  caller.setEndpoints([dead, server.port]);
  await talk(caller.port, last());
  await talk(caller.port, last());
  assert.equal(caller.metric('weft_endpoints', 'state="ejected"'), 1);
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  assert.equal(server.seen.length, 4);
});

test('a connect failure fails over to another endpoint whatever the method, without a policy', async () => {
  const alive = await serveRequests(DONE);
  const caller = await Caller.start([alive], { traffic: { loadBalancing: ROUND_ROBIN } });
  caller.setEndpoints([await deadPort(), await deadPort(), alive.port]);
  for (let request = 0; request < 3; request += 1) {
    assert.match(await talk(caller.port, POST), /^HTTP\/1.1 200/);
  }
  assert.deepEqual(alive.seen, ['POST /', 'POST /', 'POST /']);
  assert.ok(caller.metric('weft_retries_total', 'reason="connect"') >= 3);
});

test('attempts bounds the endpoints a request that cannot be connected is tried at', async () => {
  const caller = await Caller.start([await serveRequests(DONE)], {
    traffic: { retry: { ...POLICY, attempts: 1 }, loadBalancing: ROUND_ROBIN },
  });
  caller.setEndpoints([await deadPort(), await deadPort(), await deadPort()]);
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 502 [\s\S]*weft-error: connect-failure/);
  assert.equal(caller.metric('weft_retries_total', 'reason="connect"'), 1);
});

test('a client that leaves during the backoff has no further attempt made for it', async () => {
  const server = await serveRequests(UNAVAILABLE);
  const caller = await Caller.start([server], { traffic: { retry: { ...POLICY, backoffBaseMs: 100 } } });
  const socket = await connect(caller.port);
  socket.write(get());
  await until(() => caller.metric('weft_retries_total') === 1);
  socket.resetAndDestroy();
  await sleep(250);
  assert.equal(server.seen.length, 1);
});

test('a client that leaves during an attempt has no further attempt made for it', async () => {
  let reset = () => {};
  const server = await serveRequests((request) => {
    reset = () => request.socket.resetAndDestroy();
  });
  const caller = await Caller.start([server], { traffic: { retry: POLICY } });
  const socket = await connect(caller.port);
  socket.write(get());
  await until(() => server.seen.length === 1);
  socket.resetAndDestroy();
  await until(() => usage().requests === 0);
  reset();
  await sleep(150);
  assert.equal(server.seen.length, 1);
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
  const server = await serveRequests((request) => (request.turn % 2 === 1 ? UNAVAILABLE : DONE)(request));
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

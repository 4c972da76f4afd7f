import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { get, last, sleep, until } from './testing/harness.ts';
import { type HttpTestServer, type Served, serveRequests } from './testing/http-server.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, readAll, readUntil, serve, type TestServer, talk } from './testing/wire.ts';

const OPEN = /^HTTP\/1.1 503 [\s\S]*weft-error: circuit-open/;
const ROUND_ROBIN = { algorithm: 'RoundRobin' } as const;

afterEach(async () => {
  await until(() => usage().requests === 0);
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

/** Keeps what it is asked until told to answer. */
async function serveHeld(): Promise<{ readonly server: HttpTestServer; readonly held: Served[] }> {
  const held: Served[] = [];
  const server = await serveRequests((request) => held.push(request));
  return { server, held };
}

/** A client whose request is on its way; the answer is what comes until the end. */
async function ask(
  caller: Caller,
  path: string,
): Promise<{ readonly socket: Socket; readonly answer: Promise<string> }> {
  const socket = await connect(caller.port);
  const answer = readAll(socket);
  socket.write(last(path));
  return { socket, answer };
}

test('more requests at once than maxRequests are refused, and accepted again when there is room', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], { traffic: { circuitBreaker: { maxRequests: 2 } } });
  const [one, two] = [await ask(caller, '/1'), await ask(caller, '/2')];
  await until(() => held.length === 2);
  assert.match(await talk(caller.port, last('/3')), OPEN);
  assert.equal(caller.metric('weft_circuit_breaker_open'), 1);
  for (const request of held) request.answer(200, 'done');
  assert.match(await one.answer, /done$/);
  assert.match(await two.answer, /done$/);
  assert.equal(caller.metric('weft_circuit_breaker_open'), 0);
  const four = await ask(caller, '/4');
  await until(() => held.length === 3);
  held[2]!.answer(200, 'done');
  assert.match(await four.answer, /done$/);
  assert.deepEqual(server.seen.sort(), ['GET /1', 'GET /2', 'GET /4']);
});

test('a connection that was refused by the circuit breaker carries the next request', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], { traffic: { circuitBreaker: { maxRequests: 1 } } });
  const one = await ask(caller, '/1');
  await until(() => held.length === 1);
  const socket = await connect(caller.port);
  socket.write(get('/2'));
  assert.match(await readUntil(socket, '}\n'), OPEN);
  held[0]!.answer(200, 'done');
  await one.answer;
  socket.write(last('/3'));
  await until(() => held.length === 2);
  held[1]!.answer(200, 'third');
  assert.match(await readUntil(socket, 'third'), /^HTTP\/1.1 200/);
});

test('requests beyond maxConnections wait for a connection to come back, in their order', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 2 } },
  });
  const asked = [];
  for (const path of ['/1', '/2', '/3']) {
    asked.push(await ask(caller, path));
    await until(() => usage().requests === asked.length);
  }
  assert.equal(usage().pendingRequests, 2);
  assert.match(await talk(caller.port, last('/4')), OPEN);
  for (let turn = 1; turn <= 3; turn += 1) {
    await until(() => held.length === turn);
    held[turn - 1]!.answer(200, 'done');
    assert.match(await asked[turn - 1]!.answer, /done$/);
  }
  assert.deepEqual(server.seen, ['GET /1', 'GET /2', 'GET /3']);
  assert.equal(server.accepted.length, 1);
});

test('a first burst waits for the connection that is being made', async () => {
  const server = await serveRequests((request) => request.answer(200, 'done'));
  const caller = await Caller.start([server], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 10 } },
  });
  const answers = await Promise.all(Array.from({ length: 8 }, () => talk(caller.port, last())));
  for (const answer of answers) assert.match(answer, /^HTTP\/1.1 200/);
  assert.equal(server.accepted.length, 1);
});

test('a client that leaves while its request waits has its place taken by the next', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 1 } },
  });
  const one = await ask(caller, '/1');
  await until(() => held.length === 1);
  const leaving = await ask(caller, '/2');
  await until(() => usage().pendingRequests === 1);
  leaving.socket.resetAndDestroy();
  await until(() => usage().pendingRequests === 0);
  const three = await ask(caller, '/3');
  await until(() => usage().pendingRequests === 1);
  held[0]!.answer(200, 'done');
  await one.answer;
  await until(() => held.length === 2);
  held[1]!.answer(200, 'done');
  assert.match(await three.answer, /done$/);
  assert.deepEqual(server.seen, ['GET /1', 'GET /3']);
});

test('when the connection dies that others wait for, another is made for them', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 5 } },
  });
  const one = await ask(caller, '/1');
  await until(() => held.length === 1);
  const [two, three] = [await ask(caller, '/2'), await ask(caller, '/3')];
  await until(() => usage().pendingRequests === 2);
  held[0]!.socket.resetAndDestroy();
  assert.match(await one.answer, /weft-error: upstream-reset/);
  for (let turn = 2; turn <= 3; turn += 1) {
    await until(() => held.length === turn);
    held[turn - 1]!.answer(200, 'done');
  }
  assert.match(await two.answer, /done$/);
  assert.match(await three.answer, /done$/);
  assert.equal(server.accepted.length, 2);
});

test('requests that wait are answered when no connection can be made any more', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 5 } },
  });
  const one = await ask(caller, '/1');
  await until(() => held.length === 1);
  const waiting = [await ask(caller, '/2'), await ask(caller, '/3')];
  await until(() => usage().pendingRequests === 2);
  await server.close();
  await one.answer;
  for (const { answer } of waiting) assert.match(await answer, /weft-error: connect-failure/);
});

test('the idle connection to one endpoint makes room for one to another', async () => {
  const servers = await Promise.all(
    [1, 2, 3].map((n) => serveRequests((request) => request.answer(200, `${n}`))),
  );
  const caller = await Caller.start(servers, {
    traffic: { circuitBreaker: { maxConnections: 1 }, loadBalancing: ROUND_ROBIN },
  });
  const answers = [];
  for (let request = 0; request < 6; request += 1) answers.push((await talk(caller.port, last())).at(-1));
  assert.deepEqual(answers.sort(), ['1', '1', '2', '2', '3', '3']);
});

test('a request waits for a connection even when all of them are to other endpoints', async () => {
  const { server, held } = await serveHeld();
  const other = await serveHeld();
  const caller = await Caller.start([server, other.server], {
    traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 5 }, loadBalancing: ROUND_ROBIN },
  });
  const one = await ask(caller, '/1');
  await until(() => held.length + other.held.length === 1);
  const two = await ask(caller, '/2');
  await until(() => usage().pendingRequests === 1);
  [...held, ...other.held][0]!.answer(200, 'done');
  assert.match(await one.answer, /done$/);
  await until(() => held.length === 1 && other.held.length === 1);
  for (const request of [...held, ...other.held]) if (request.path === '/2') request.answer(200, 'done');
  assert.match(await two.answer, /done$/);
});

test('a higher limit lets those in that wait', async () => {
  const { server, held } = await serveHeld();
  const caller = await Caller.start([server], { traffic: { circuitBreaker: { maxConnections: 1 } } });
  const asked = [await ask(caller, '/1'), await ask(caller, '/2'), await ask(caller, '/3')];
  await until(() => usage().pendingRequests === 2);
  caller.setTraffic({ circuitBreaker: { maxConnections: 3 } });
  await until(() => held.length === 3);
  for (const request of held) request.answer(200, 'done');
  for (const { answer } of asked) assert.match(await answer, /done$/);
});

test('a request that waits for an endpoint that is taken away goes to another', async () => {
  const { server, held } = await serveHeld();
  const other = await serveRequests((request) => request.answer(200, 'other'));
  const caller = await Caller.start([server, other], { traffic: { circuitBreaker: { maxConnections: 1 } } });
  caller.setEndpoints([server.port]);
  const one = await ask(caller, '/1');
  await until(() => held.length === 1);
  const two = await ask(caller, '/2');
  await until(() => usage().pendingRequests === 1);
  caller.setEndpoints([other.port]);
  held[0]!.answer(200, 'done');
  assert.match(await one.answer, /done$/);
  assert.match(await two.answer, /other$/);
});

test('opaque connections beyond maxConnections are closed, and make room when they end', async () => {
  const server: TestServer = await serve((socket) => socket.pipe(socket));
  const caller = await Caller.start([server], {
    protocol: 'TCP',
    traffic: { circuitBreaker: { maxConnections: 1 } },
  });
  const one = await connect(caller.port);
  one.write('hello');
  await readUntil(one, 'hello');
  assert.equal(await talk(caller.port, 'refused'), '');
  assert.equal(caller.metric('weft_errors_total', 'code="circuit-open"'), 1);
  one.destroy();
  await until(() => usage().hosts === 0);
  const two = await connect(caller.port);
  two.write('again');
  assert.equal(await readUntil(two, 'again'), 'again');
  two.destroy();
  await until(() => usage().hosts === 0);
  await sleep(0);
});

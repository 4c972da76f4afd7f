import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { sleep, until } from './testing/harness.ts';
import { assertUnused, usage } from './testing/usage.ts';
import {
  type Answered,
  ask,
  assertError,
  type Begun,
  begin,
  openClient,
  type Seen,
  serveVersion,
  VERSIONS,
  type Version,
  type VersionServer,
} from './testing/versions.ts';
import { connect, readUntil, serve, type TestServer, talk } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin' } as const;

afterEach(assertUnused);

/** One request at a time on each connection, in whatever version. */
const serveOne = (version: Version, respond: (request: Seen) => void) =>
  serveVersion(version, respond, { settings: { maxConcurrentStreams: 1 } });

/** Keeps what it is asked until told to answer. */
async function serveHeld(
  version: Version,
): Promise<{ readonly server: VersionServer; readonly held: Seen[] }> {
  const held: Seen[] = [];
  const server = await serveOne(version, (request) => held.push(request));
  return { server, held };
}
const paths = ({ seen }: VersionServer) => seen.map(({ path }) => path);

async function assertDone({ answer }: Begun, body = 'done'): Promise<void> {
  assert.equal((await answer).body, body);
}

for (const version of VERSIONS) {
  const beginAt = (caller: Caller, path: string): Begun => begin(version, caller.port, { path });
  const assertOpen = (answer: Answered) => assertError(version, answer, 'circuit-open');

  test(`${version}: more requests at once than maxRequests are refused, and accepted again when there is room`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], { traffic: { circuitBreaker: { maxRequests: 2 } } });
    const [one, two] = [beginAt(caller, '/1'), beginAt(caller, '/2')];
    await until(() => held.length === 2);
    assertOpen(await ask(version, caller.port, { path: '/3' }));
    assert.equal(caller.metric('weft_circuit_breaker_open'), 1);
    for (const request of held) request.answer(200, 'done');
    await assertDone(one);
    await assertDone(two);
    assert.equal(caller.metric('weft_circuit_breaker_open'), 0);
    const four = beginAt(caller, '/4');
    await until(() => held.length === 3);
    held[2]!.answer(200, 'done');
    await assertDone(four);
    assert.deepEqual(paths(server).sort(), ['/1', '/2', '/4']);
  });

  test(`${version}: a connection that was refused by the circuit breaker carries the next request`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], { traffic: { circuitBreaker: { maxRequests: 1 } } });
    const one = beginAt(caller, '/1');
    await until(() => held.length === 1);
    const client = openClient(version, caller.port);
    assertOpen(await client.ask({ path: '/2' }));
    held[0]!.answer(200, 'done');
    await assertDone(one);
    const third = client.ask({ path: '/3' });
    await until(() => held.length === 2);
    assert.equal(caller.side.path.connections().open, 1);
    held[1]!.answer(200, 'third');
    assert.equal((await third).body, 'third');
    client.close();
  });

  test(`${version}: requests beyond maxConnections wait for a connection to come back, in their order`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], {
      traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 2 } },
    });
    const asked: Begun[] = [];
    for (const path of ['/1', '/2', '/3']) {
      asked.push(beginAt(caller, path));
      await until(() => usage().requests === asked.length);
      // the first: what the server allows is known then
      await until(() => held.length === 1);
    }
    assert.equal(usage().pendingRequests, 2);
    assertOpen(await ask(version, caller.port, { path: '/4' }));
    for (let turn = 1; turn <= 3; turn += 1) {
      await until(() => held.length === turn);
      held[turn - 1]!.answer(200, 'done');
      await assertDone(asked[turn - 1]!);
    }
    assert.deepEqual(paths(server), ['/1', '/2', '/3']);
    assert.equal(server.accepted.length, 1);
  });

  test(`${version}: a first burst waits for the connection that is being made`, async () => {
    const server = await serveOne(version, (request) => request.answer(200, 'done'));
    const caller = await Caller.start([server], {
      traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 10 } },
    });
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(version, caller.port)));
    for (const { body } of answers) assert.equal(body, 'done');
    assert.equal(server.accepted.length, 1);
  });

  test(`${version}: a client that leaves while its request waits has its place taken by the next`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], {
      traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 1 } },
    });
    const one = beginAt(caller, '/1');
    await until(() => held.length === 1);
    const leaving = beginAt(caller, '/2');
    await until(() => usage().pendingRequests === 1);
    leaving.leave();
    await until(() => usage().pendingRequests === 0);
    const three = beginAt(caller, '/3');
    await until(() => usage().pendingRequests === 1);
    held[0]!.answer(200, 'done');
    await assertDone(one);
    await until(() => held.length === 2);
    held[1]!.answer(200, 'done');
    await assertDone(three);
    assert.deepEqual(paths(server), ['/1', '/3']);
  });

  test(`${version}: when the connection dies that others wait for, another is made for them`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], {
      traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 5 } },
    });
    const one = beginAt(caller, '/1');
    await until(() => held.length === 1);
    const [two, three] = [beginAt(caller, '/2'), beginAt(caller, '/3')];
    await until(() => usage().pendingRequests === 2);
    server.accepted[0]!.resetAndDestroy();
    assertError(version, await one.answer, 'upstream-reset');
    for (let turn = 2; turn <= 3; turn += 1) {
      await until(() => held.length === turn);
      held[turn - 1]!.answer(200, 'done');
    }
    await assertDone(two);
    await assertDone(three);
    assert.equal(server.accepted.length, 2);
  });

  test(`${version}: requests that wait are answered when no connection can be made any more`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], {
      traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 5 } },
    });
    const one = beginAt(caller, '/1');
    await until(() => held.length === 1);
    const waiting = [beginAt(caller, '/2'), beginAt(caller, '/3')];
    await until(() => usage().pendingRequests === 2);
    await server.close();
    await one.answer;
    for (const { answer } of waiting) assertError(version, await answer, 'connect-failure');
  });

  test(`${version}: the idle connection to one endpoint makes room for one to another`, async () => {
    const servers = await Promise.all(
      [1, 2, 3].map((n) => serveOne(version, (request) => request.answer(200, `${n}`))),
    );
    const caller = await Caller.start(servers, {
      traffic: { circuitBreaker: { maxConnections: 1 }, loadBalancing: ROUND_ROBIN },
    });
    const answers: string[] = [];
    for (let request = 0; request < 6; request += 1) answers.push((await ask(version, caller.port)).body);
    assert.deepEqual(answers.sort(), ['1', '1', '2', '2', '3', '3']);
  });

  test(`${version}: a request waits for a connection even when all of them are to other endpoints`, async () => {
    const { server, held } = await serveHeld(version);
    const other = await serveHeld(version);
    const caller = await Caller.start([server, other.server], {
      traffic: { circuitBreaker: { maxConnections: 1, maxPendingRequests: 5 }, loadBalancing: ROUND_ROBIN },
    });
    const one = beginAt(caller, '/1');
    await until(() => held.length + other.held.length === 1);
    const two = beginAt(caller, '/2');
    await until(() => usage().pendingRequests === 1);
    [...held, ...other.held][0]!.answer(200, 'done');
    await assertDone(one);
    await until(() => held.length === 1 && other.held.length === 1);
    for (const request of [...held, ...other.held]) if (request.path === '/2') request.answer(200, 'done');
    await assertDone(two);
  });

  test(`${version}: a higher limit lets those in that wait`, async () => {
    const { server, held } = await serveHeld(version);
    const caller = await Caller.start([server], { traffic: { circuitBreaker: { maxConnections: 1 } } });
    const asked = [beginAt(caller, '/1'), beginAt(caller, '/2'), beginAt(caller, '/3')];
    await until(() => usage().pendingRequests === 2);
    caller.setTraffic({ circuitBreaker: { maxConnections: 3 } });
    await until(() => held.length === 3);
    for (const request of held) request.answer(200, 'done');
    for (const each of asked) await assertDone(each);
  });

  test(`${version}: a request that waits for an endpoint that is taken away goes to another`, async () => {
    const { server, held } = await serveHeld(version);
    const other = await serveOne(version, (request) => request.answer(200, 'other'));
    const caller = await Caller.start([server, other], {
      traffic: { circuitBreaker: { maxConnections: 1 } },
    });
    caller.setEndpoints([server.port]);
    const one = beginAt(caller, '/1');
    await until(() => held.length === 1);
    const two = beginAt(caller, '/2');
    await until(() => usage().pendingRequests === 1);
    caller.setEndpoints([other.port]);
    held[0]!.answer(200, 'done');
    await assertDone(one);
    await assertDone(two, 'other');
  });
}

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

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { last, sleep, until } from './testing/harness.ts';
import { deadPort, type Served, serveRequests } from './testing/http-server.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { serve, type TestServer, talk } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;
const DONE = (request: Served) => request.answer(200, 'done');

afterEach(() => {
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

async function statuses(caller: Caller, count: number): Promise<string[]> {
  const seen = [];
  for (let request = 0; request < count; request += 1) {
    seen.push((await talk(caller.port, last('/traffic'))).slice(9, 12));
  }
  return seen;
}

test('an endpoint that answers 5xx is taken out by the policy, and comes back when its time is over', async () => {
  let isBad = true;
  const bad = await serveRequests((request) => request.answer(isBad ? 500 : 200, ''));
  const caller = await Caller.start([bad, await serveRequests(DONE)], {
    traffic: {
      loadBalancing: ROUND_ROBIN,
      outlierDetection: { consecutiveErrors: 2, baseEjectionMs: 300, maxEjectedPercent: 50 },
    },
  });
  assert.deepEqual((await statuses(caller, 4)).sort(), ['200', '200', '500', '500']);
  assert.equal(caller.metric('weft_ejections_total'), 1);
  assert.equal(caller.metric('weft_endpoints', 'state="ejected"'), 1);
  assert.deepEqual(await statuses(caller, 4), ['200', '200', '200', '200']);
  assert.equal(bad.seen.length, 2);
  isBad = false;
  await until(() => caller.metric('weft_endpoints', 'state="ejected"') === 0);
  await statuses(caller, 4);
  assert.equal(bad.seen.length, 4);
});

test('what an application answers takes nobody out without a policy', async () => {
  const bad = await serveRequests((request) => request.answer(500, ''));
  const caller = await Caller.start([bad, await serveRequests(DONE)], {
    traffic: { loadBalancing: ROUND_ROBIN },
  });
  await statuses(caller, 20);
  assert.equal(caller.metric('weft_ejections_total'), 0);
  assert.equal(bad.seen.length, 10);
});

test('an endpoint that resets is taken out, with a policy or without', async () => {
  for (const outlierDetection of [undefined, { consecutiveErrors: 5 }]) {
    const server: TestServer = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const caller = await Caller.start([server, await serveRequests(DONE)], {
      traffic: { loadBalancing: ROUND_ROBIN, ...(outlierDetection && { outlierDetection }) },
    });
    const seen = await statuses(caller, 20);
    assert.equal(seen.filter((status) => status === '502').length, 5);
    assert.equal(server.accepted.length, 5);
  }
});

test('an endpoint that cannot be connected is taken out without a policy', async () => {
  const alive = await serveRequests(DONE);
  const caller = await Caller.start([alive], { traffic: { loadBalancing: ROUND_ROBIN } });
  caller.setEndpoints([await deadPort(), alive.port]);
  assert.ok((await statuses(caller, 20)).every((status) => status === '200'));
  assert.equal(caller.metric('weft_ejections_total'), 1);
  assert.equal(caller.metric('weft_retries_total', 'reason="connect"'), 5);
});

test('an answer between failures starts the count anew', async () => {
  const flaky = await serveRequests((request) => request.answer(request.turn % 3 === 0 ? 200 : 500, ''));
  const caller = await Caller.start([flaky, await serveRequests(DONE)], {
    traffic: { loadBalancing: ROUND_ROBIN, outlierDetection: { consecutiveErrors: 3 } },
  });
  await statuses(caller, 20);
  assert.equal(caller.metric('weft_ejections_total'), 0);
});

test('with too few endpoints left all are used, and none when panic is off', async () => {
  const bad = () => serveRequests((request) => request.answer(500, ''));
  const traffic = {
    loadBalancing: { algorithm: 'RoundRobin' },
    outlierDetection: { consecutiveErrors: 1, maxEjectedPercent: 100 },
  } as const;
  const servers = [await bad(), await bad()];
  const caller = await Caller.start(servers, { traffic });
  await statuses(caller, 2);
  assert.equal(caller.metric('weft_endpoints', 'state="ejected"'), 2);
  assert.deepEqual(await statuses(caller, 2), ['500', '500']);
  caller.setTraffic({ ...traffic, loadBalancing: ROUND_ROBIN });
  assert.match(await talk(caller.port, last()), /^HTTP\/1.1 503 [\s\S]*weft-error: no-endpoints/);
});

test('an endpoint that fails its health checks gets no requests until it passes them again', async () => {
  let isHealthy = false;
  const sick = await serveRequests((request) =>
    request.answer(request.path === '/healthz' && !isHealthy ? 503 : 200, 'sick'),
  );
  const well = await serveRequests(DONE);
  const healthCheck = { path: '/healthz', intervalMs: 100, unhealthyAfter: 2, healthyAfter: 2 };
  const caller = await Caller.start([sick, well], { traffic: { loadBalancing: ROUND_ROBIN, healthCheck } });
  await until(() => caller.metric('weft_endpoints', 'state="unhealthy"') === 1);
  const before = sick.seen.filter((line) => line === 'GET /traffic').length;
  assert.deepEqual(await statuses(caller, 4), ['200', '200', '200', '200']);
  assert.equal(sick.seen.filter((line) => line === 'GET /traffic').length, before);
  isHealthy = true;
  await until(() => caller.metric('weft_endpoints', 'state="unhealthy"') === 0);
  await statuses(caller, 4);
  assert.equal(sick.seen.filter((line) => line === 'GET /traffic').length, before + 2);
});

test('health checks end with their policy, with their endpoint and with their destination', async () => {
  const server = await serveRequests(DONE);
  const other = await serveRequests(DONE);
  const healthCheck = { path: '/healthz', intervalMs: 100 };
  const caller = await Caller.start([server], { traffic: { healthCheck } });
  const checksOf = async (which: typeof server) => {
    await sleep(50);
    const before = which.seen.length;
    await sleep(300);
    return which.seen.length - before;
  };
  assert.ok((await checksOf(server)) > 0);
  caller.setTraffic({});
  assert.equal(await checksOf(server), 0);
  caller.setTraffic({ healthCheck });
  assert.ok((await checksOf(server)) > 0);
  caller.setEndpoints([other.port]);
  assert.equal(await checksOf(server), 0);
  assert.ok((await checksOf(other)) > 0);
  caller.forget();
  assert.equal(await checksOf(other), 0);
  await other.close();
});

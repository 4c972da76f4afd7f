import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { last, sleep, until } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { assertUnused } from './testing/usage.ts';
import { talk } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;
const DONE = (request: Served) => request.answer(200, 'done');

afterEach(assertUnused);

async function statuses(caller: Caller, count: number): Promise<string[]> {
  const seen = [];
  for (let request = 0; request < count; request += 1) {
    seen.push((await talk(caller.port, last('/traffic'))).slice(9, 12));
  }
  return seen;
}

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

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { get, last, sleep, until } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { connect, talk } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;
const INTERVAL_MS = 400;
/** a host is judged by no fewer results in an interval, so a round for three hosts has more than three times that */
const ROUND = 330;

const answering =
  (status: number) =>
  ({ answer }: Served) =>
    answer(status, 'answer');

afterEach(() => {
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

/** Two endpoints that answer and one that fails, judged by what they have in common alone. */
async function judged(successRate: {
  minimumHosts: number;
  stdevFactorThousandths: number;
}): Promise<Caller> {
  const servers = [200, 200, 503].map((status) => serveRequests(answering(status)));
  const outlierDetection = {
    ...{ consecutiveErrors: 1_000_000, intervalMs: INTERVAL_MS, baseEjectionMs: 60_000 },
    successRate,
  };
  return Caller.start(await Promise.all(servers), {
    traffic: { loadBalancing: ROUND_ROBIN, outlierDetection },
  });
}

/** As many requests as judge three hosts, on one connection, in one write. */
async function round(caller: Caller): Promise<void> {
  const socket = await connect(caller.port);
  socket.write(get('/').repeat(ROUND - 1) + get('/last'));
  const before = caller.metric('weft_requests_total');
  socket.resume();
  await until(() => caller.metric('weft_requests_total') - before === ROUND);
  socket.destroy();
}

const ejected = (caller: Caller) => caller.metric('weft_endpoints', 'state="ejected"');

test('an endpoint whose success rate is far below the mean of all is taken out when the interval is over', async () => {
  const caller = await judged({ minimumHosts: 3, stdevFactorThousandths: 1_000 });
  // a round that is split by the end of an interval judges nobody
  for (let turn = 0; turn < 5 && ejected(caller) === 0; turn += 1) {
    await round(caller);
    await sleep(INTERVAL_MS);
  }
  assert.equal(ejected(caller), 1);
  for (let request = 0; request < 4; request += 1) {
    assert.match(await talk(caller.port, last()), /^HTTP\/1.1 200/);
  }
});

for (const [what, successRate] of [
  ['fewer endpoints than minimumHosts', { minimumHosts: 4, stdevFactorThousandths: 1_000 }],
  ['an endpoint that is not that many deviations below', { minimumHosts: 3, stdevFactorThousandths: 2_000 }],
] as const) {
  test(`the success rate of ${what} takes nobody out`, async () => {
    const caller = await judged(successRate);
    await round(caller);
    await sleep(INTERVAL_MS + 50);
    assert.equal(ejected(caller), 0);
  });
}

test('no more endpoints are out at once than maxEjectedPercent allows', async () => {
  const servers = [503, 503, 503, 503].map((status) => serveRequests(answering(status)));
  const outlierDetection = { consecutiveErrors: 1, baseEjectionMs: 60_000, maxEjectedPercent: 50 };
  const caller = await Caller.start(await Promise.all(servers), {
    traffic: { loadBalancing: ROUND_ROBIN, outlierDetection },
  });
  for (let request = 0; request < 12; request += 1) await talk(caller.port, last());
  assert.equal(ejected(caller), 2);
  caller.setTraffic({
    loadBalancing: ROUND_ROBIN,
    outlierDetection: { ...outlierDetection, maxEjectedPercent: 25 },
  });
  assert.equal(ejected(caller), 1);
});

test('an answer to a health check that takes longer than its timeout is none', async () => {
  const slow = await serveRequests(({ answer }) => void setTimeout(() => answer(200, 'late'), 250));
  const often = { path: '/healthz', intervalMs: 100, unhealthyAfter: 1, healthyAfter: 1 };
  const caller = await Caller.start([slow], { traffic: { healthCheck: { ...often, timeoutMs: 50 } } });
  const unhealthy = () => caller.metric('weft_endpoints', 'state="unhealthy"');
  await until(() => unhealthy() === 1);
  caller.setTraffic({ healthCheck: { ...often, timeoutMs: 10_000 } });
  await until(() => unhealthy() === 0);
});

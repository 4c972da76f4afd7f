import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { get, sleep, until } from './testing/harness.ts';
import { serveRequests } from './testing/http-server.ts';
import { assertUnused } from './testing/usage.ts';
import { ask, openClient, type Seen, serveVersion, VERSIONS, type Version } from './testing/versions.ts';
import { connect } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;
/** a round has to fit in: one write, or so many requests on their own */
const INTERVAL_MS = { http1: 400, http2: 1_500, grpc: 1_500 };
/** a host is judged by no fewer results in an interval, so a round for three hosts has more than three times that */
const ROUND = 330;

const answering =
  (status: number) =>
  ({ answer }: Seen) =>
    answer(status, 'answer');

afterEach(assertUnused);

/** Two endpoints that answer and one that fails, judged by what they have in common alone. */
async function judged(
  version: Version,
  successRate: { minimumHosts: number; stdevFactorThousandths: number },
): Promise<Caller> {
  const servers = [200, 200, 503].map((status) => serveVersion(version, answering(status)));
  const outlierDetection = {
    ...{ consecutiveErrors: 1_000_000, intervalMs: INTERVAL_MS[version], baseEjectionMs: 60_000 },
    successRate,
  };
  return Caller.start(await Promise.all(servers), {
    traffic: { loadBalancing: ROUND_ROBIN, outlierDetection },
  });
}

/** As many requests as judge three hosts, all at once: of HTTP/1.1 in one write, of HTTP/2 on one connection. */
async function round(version: Version, caller: Caller): Promise<void> {
  const before = caller.metric('weft_requests_total');
  if (version === 'http1') {
    const socket = await connect(caller.port);
    socket.write(get('/').repeat(ROUND));
    socket.resume();
    await until(() => caller.metric('weft_requests_total') - before === ROUND);
    return void socket.destroy();
  }
  const client = openClient(version, caller.port);
  await Promise.all(Array.from({ length: ROUND }, () => client.ask()));
  client.close();
}

const ejected = (caller: Caller) => caller.metric('weft_endpoints', 'state="ejected"');

for (const version of VERSIONS) {
  test(`${version}: an endpoint whose success rate is far below the mean of all is taken out when the interval is over`, async () => {
    const caller = await judged(version, { minimumHosts: 3, stdevFactorThousandths: 1_000 });
    // a round that is split by the end of an interval judges nobody
    for (let turn = 0; turn < 10 && ejected(caller) === 0; turn += 1) {
      await round(version, caller);
      await sleep(INTERVAL_MS[version]);
    }
    assert.equal(ejected(caller), 1);
    for (let request = 0; request < 4; request += 1) {
      assert.equal((await ask(version, caller.port)).body, 'answer');
    }
  });

  test(`${version}: no more endpoints are out at once than maxEjectedPercent allows`, async () => {
    const servers = [503, 503, 503, 503].map((status) => serveVersion(version, answering(status)));
    const outlierDetection = { consecutiveErrors: 1, baseEjectionMs: 60_000, maxEjectedPercent: 50 };
    const caller = await Caller.start(await Promise.all(servers), {
      traffic: { loadBalancing: ROUND_ROBIN, outlierDetection },
    });
    for (let request = 0; request < 12; request += 1) await ask(version, caller.port);
    assert.equal(ejected(caller), 2);
    caller.setTraffic({
      loadBalancing: ROUND_ROBIN,
      outlierDetection: { ...outlierDetection, maxEjectedPercent: 25 },
    });
    assert.equal(ejected(caller), 1);
  });
}

// what is made of the answers of an interval is the same in every version
for (const [what, successRate] of [
  ['fewer endpoints than minimumHosts', { minimumHosts: 4, stdevFactorThousandths: 1_000 }],
  ['an endpoint that is not that many deviations below', { minimumHosts: 3, stdevFactorThousandths: 2_000 }],
] as const) {
  test(`the success rate of ${what} takes nobody out`, async () => {
    const caller = await judged('http1', successRate);
    await round('http1', caller);
    await sleep(INTERVAL_MS.http1 + 50);
    assert.equal(ejected(caller), 0);
  });
}

test('an answer to a health check that takes longer than its timeout is none', async () => {
  const slow = await serveRequests(({ answer }) => void setTimeout(() => answer(200, 'late'), 250));
  const often = { path: '/healthz', intervalMs: 100, unhealthyAfter: 1, healthyAfter: 1 };
  const caller = await Caller.start([slow], { traffic: { healthCheck: { ...often, timeoutMs: 50 } } });
  const unhealthy = () => caller.metric('weft_endpoints', 'state="unhealthy"');
  await until(() => unhealthy() === 1);
  caller.setTraffic({ healthCheck: { ...often, timeoutMs: 10_000 } });
  await until(() => unhealthy() === 0);
});

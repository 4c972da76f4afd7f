import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { sleep, until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { assertUnused, usage } from './testing/usage.ts';
import { ask, assertError, begin, type Seen, serveVersion, statusOf, VERSIONS } from './testing/versions.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin' } as const;
const UNAVAILABLE = (request: Seen) => request.answer(503, 'later');
const DONE = (request: Seen) => request.answer(200, 'done');

afterEach(assertUnused);

for (const version of VERSIONS) {
  const POLICY: RetryPolicy = {
    attempts: 3,
    conditions: version === 'grpc' ? ['GrpcUnavailable', 'Reset'] : ['GatewayError', 'Reset'],
    backoffBaseMs: 1,
    nonIdempotent: version === 'grpc',
  };

  test(`${version}: the budget bounds the retries of a destination, not those of one request`, async () => {
    const server = await serveVersion(version, UNAVAILABLE);
    const caller = await Caller.start([server], {
      traffic: { retry: POLICY, retryBudget: { percent: 50, minPerSecond: 0 } },
    });
    for (let request = 0; request < 10; request += 1) await ask(version, caller.port);
    assert.equal(server.seen.length, 15);
    assert.equal(caller.metric('weft_retries_total'), 5);
  });

  test(`${version}: the reserve of the budget lets a destination that is seldom asked have its retries`, async () => {
    const server = await serveVersion(version, UNAVAILABLE);
    const caller = await Caller.start([server], {
      // a window of ten seconds
      traffic: { retry: POLICY, retryBudget: { percent: 0, minPerSecond: 1 } },
    });
    for (let request = 0; request < 4; request += 1) await ask(version, caller.port);
    assert.equal(server.seen.length, 4 + 10);
  });

  test(`${version}: maxRetries bounds how many requests are being tried again at once`, async () => {
    const waiting: Seen[] = [];
    const server = await serveVersion(version, (request) => {
      if (request.turn <= 3) waiting.push(request);
      else request.answer(200, 'done');
    });
    const caller = await Caller.start([server], {
      traffic: { retry: { ...POLICY, backoffBaseMs: 200 }, circuitBreaker: { maxRetries: 1 } },
    });
    const answers = [1, 2, 3].map(() => ask(version, caller.port));
    await until(() => waiting.length === 3);
    for (const request of waiting) request.answer(503, 'later');
    const statuses = (await Promise.all(answers)).map((answer) => statusOf(version, answer)).sort();
    assert.deepEqual(statuses, [200, 503, 503]);
    assert.equal(server.seen.length, 4);
  });

  test(`${version}: a retry the breaker refuses costs nothing of the budget`, async () => {
    const server = await serveVersion(version, UNAVAILABLE);
    const traffic = {
      retry: { ...POLICY, attempts: 1 },
      retryBudget: { percent: 0, minPerSecond: 1 },
    };
    const caller = await Caller.start([server], {
      traffic: { ...traffic, circuitBreaker: { maxRetries: 0 } },
    });
    for (let request = 0; request < 10; request += 1) await ask(version, caller.port);
    assert.equal(server.seen.length, 10);
    caller.setTraffic(traffic);
    await ask(version, caller.port);
    assert.equal(server.seen.length, 12);
  });

  test(`${version}: another attempt goes to another endpoint`, async () => {
    const bad = await serveVersion(version, UNAVAILABLE);
    const good = await serveVersion(version);
    const caller = await Caller.start([bad, good], {
      traffic: { retry: POLICY, loadBalancing: ROUND_ROBIN },
    });
    for (let request = 0; request < 6; request += 1) {
      assert.equal((await ask(version, caller.port)).body, 'done');
    }
    assert.equal(bad.seen.length, caller.metric('weft_retries_total'));
  });

  test(`${version}: when only one endpoint is usable, another attempt goes to that one again`, async () => {
    const server = await serveVersion(version, (request) =>
      (request.turn === 3 ? UNAVAILABLE : DONE)(request),
    );
    const dead = await deadPort();
    const caller = await Caller.start([server], {
      traffic: {
        retry: POLICY,
        loadBalancing: { ...ROUND_ROBIN, panicPercent: 0 },
        outlierDetection: { consecutiveErrors: 1, maxEjectedPercent: 50 },
      },
    });
    caller.setEndpoints([dead, server.port]);
    await ask(version, caller.port);
    await ask(version, caller.port);
    assert.equal(caller.metric('weft_endpoints', 'state="ejected"'), 1);
    assert.equal((await ask(version, caller.port)).body, 'done');
    assert.equal(server.seen.length, 4);
  });

  test(`${version}: a connect failure fails over to another endpoint whatever the method, without a policy`, async () => {
    const alive = await serveVersion(version);
    const caller = await Caller.start([alive], { traffic: { loadBalancing: ROUND_ROBIN } });
    caller.setEndpoints([await deadPort(), await deadPort(), alive.port]);
    for (let request = 0; request < 3; request += 1) {
      const asked = { method: 'POST', body: 'body' };
      assert.equal((await ask(version, caller.port, asked)).body, 'done');
    }
    assert.deepEqual(
      alive.seen.map(({ method, body }) => `${method} ${body}`),
      ['POST body', 'POST body', 'POST body'],
    );
    assert.ok(caller.metric('weft_retries_total', 'reason="connect"') >= 3);
  });

  test(`${version}: attempts bounds the endpoints a request that cannot be connected is tried at`, async () => {
    const caller = await Caller.start([await serveVersion(version)], {
      traffic: { retry: { ...POLICY, attempts: 1 }, loadBalancing: ROUND_ROBIN },
    });
    caller.setEndpoints([await deadPort(), await deadPort(), await deadPort()]);
    assertError(version, await ask(version, caller.port), 'connect-failure');
    assert.equal(caller.metric('weft_retries_total', 'reason="connect"'), 1);
  });

  test(`${version}: a client that leaves during the backoff has no further attempt made for it`, async () => {
    const server = await serveVersion(version, UNAVAILABLE);
    const caller = await Caller.start([server], {
      traffic: { retry: { ...POLICY, backoffBaseMs: 100 } },
    });
    const request = begin(version, caller.port);
    await until(() => caller.metric('weft_retries_total') === 1);
    request.leave();
    await sleep(250);
    assert.equal(server.seen.length, 1);
  });

  test(`${version}: a client that leaves during an attempt has no further attempt made for it`, async () => {
    const server = await serveVersion(version, () => {});
    const caller = await Caller.start([server], { traffic: { retry: POLICY } });
    const request = begin(version, caller.port);
    await until(() => server.seen.length === 1);
    request.leave();
    await until(() => usage().requests === 0);
    server.seen[0]!.cut();
    await sleep(150);
    assert.equal(server.seen.length, 1);
  });
}

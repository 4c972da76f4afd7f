import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { assertUnused } from './testing/usage.ts';
import { ask, assertError, serveVersion, statuses, VERSIONS } from './testing/versions.ts';
import { serve, type TestServer } from './testing/wire.ts';

const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;

afterEach(assertUnused);

for (const version of VERSIONS) {
  test(`${version}: an endpoint that answers 5xx is taken out by the policy, and comes back when its time is over`, async () => {
    let isBad = true;
    const bad = await serveVersion(version, (request) => request.answer(isBad ? 500 : 200, ''));
    const caller = await Caller.start([bad, await serveVersion(version)], {
      traffic: {
        loadBalancing: ROUND_ROBIN,
        outlierDetection: { consecutiveErrors: 2, baseEjectionMs: 300, maxEjectedPercent: 50 },
      },
    });
    assert.deepEqual((await statuses(version, caller.port, 4)).sort(), [200, 200, 500, 500]);
    assert.equal(caller.metric('weft_ejections_total'), 1);
    assert.equal(caller.metric('weft_endpoints', 'state="ejected"'), 1);
    assert.deepEqual(await statuses(version, caller.port, 4), [200, 200, 200, 200]);
    assert.equal(bad.seen.length, 2);
    isBad = false;
    await until(() => caller.metric('weft_endpoints', 'state="ejected"') === 0);
    await statuses(version, caller.port, 4);
    assert.equal(bad.seen.length, 4);
  });

  test(`${version}: what an application answers takes nobody out without a policy`, async () => {
    const bad = await serveVersion(version, (request) => request.answer(500, ''));
    const caller = await Caller.start([bad, await serveVersion(version)], {
      traffic: { loadBalancing: ROUND_ROBIN },
    });
    await statuses(version, caller.port, 20);
    assert.equal(caller.metric('weft_ejections_total'), 0);
    assert.equal(bad.seen.length, 10);
  });

  test(`${version}: an endpoint that resets is taken out, with a policy or without`, async () => {
    for (const outlierDetection of [undefined, { consecutiveErrors: 5 }]) {
      const server: TestServer = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
      const caller = await Caller.start([server, await serveVersion(version)], {
        traffic: { loadBalancing: ROUND_ROBIN, ...(outlierDetection && { outlierDetection }) },
      });
      const seen = await statuses(version, caller.port, 20);
      assert.equal(seen.filter((status) => status === 502).length, 5);
      assert.equal(server.accepted.length, 5);
    }
  });

  test(`${version}: an endpoint that cannot be connected is taken out without a policy`, async () => {
    const alive = await serveVersion(version);
    const caller = await Caller.start([alive], { traffic: { loadBalancing: ROUND_ROBIN } });
    caller.setEndpoints([await deadPort(), alive.port]);
    assert.ok((await statuses(version, caller.port, 20)).every((status) => status === 200));
    assert.equal(caller.metric('weft_ejections_total'), 1);
    assert.equal(caller.metric('weft_retries_total', 'reason="connect"'), 5);
  });

  test(`${version}: an answer between failures starts the count anew`, async () => {
    const flaky = await serveVersion(version, (request) =>
      request.answer(request.turn % 3 === 0 ? 200 : 500, ''),
    );
    const caller = await Caller.start([flaky, await serveVersion(version)], {
      traffic: { loadBalancing: ROUND_ROBIN, outlierDetection: { consecutiveErrors: 3 } },
    });
    await statuses(version, caller.port, 20);
    assert.equal(caller.metric('weft_ejections_total'), 0);
  });

  test(`${version}: with too few endpoints left all are used, and none when panic is off`, async () => {
    const bad = () => serveVersion(version, (request) => request.answer(500, ''));
    const traffic = {
      loadBalancing: { algorithm: 'RoundRobin' },
      outlierDetection: { consecutiveErrors: 1, maxEjectedPercent: 100 },
    } as const;
    const servers = [await bad(), await bad()];
    const caller = await Caller.start(servers, { traffic });
    await statuses(version, caller.port, 2);
    assert.equal(caller.metric('weft_endpoints', 'state="ejected"'), 2);
    assert.deepEqual(await statuses(version, caller.port, 2), [500, 500]);
    caller.setTraffic({ ...traffic, loadBalancing: ROUND_ROBIN });
    assertError(version, await ask(version, caller.port), 'no-endpoints');
  });
}

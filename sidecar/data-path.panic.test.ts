import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { Caller } from './testing/caller.ts';
import { until } from './testing/harness.ts';
import { assertUnused } from './testing/usage.ts';
import { serveVersion, statuses, VERSIONS, type VersionServer } from './testing/versions.ts';

const EJECTION_MS = 500;
const TRAFFIC = {
  loadBalancing: { algorithm: 'RoundRobin' },
  outlierDetection: { consecutiveErrors: 1, baseEjectionMs: EJECTION_MS, maxEjectedPercent: 100 },
} as const;

afterEach(assertUnused);

const ejected = (caller: Caller) => caller.metric('weft_endpoints', 'state="ejected"');
const isPanicking = (caller: Caller) => [...caller.side.path.trails().records()][0]?.isPanicking;

for (const version of VERSIONS) {
  test(`${version}: with all endpoints ejected traffic flows to all of them, and as before when they are back`, async () => {
    let isBad = true;
    const servers: VersionServer[] = [];
    for (let count = 0; count < 3; count += 1) {
      servers.push(await serveVersion(version, ({ answer }) => answer(isBad ? 500 : 200, '')));
    }
    const caller = await Caller.start(servers, { traffic: TRAFFIC });
    assert.deepEqual(await statuses(version, caller.port, 3), [500, 500, 500]);
    assert.equal(ejected(caller), 3);

    // the app's own answers, not the mesh's: what fails is heard, what has recovered is used at once
    isBad = false;
    assert.deepEqual(await statuses(version, caller.port, 3), [200, 200, 200]);
    assert.equal(isPanicking(caller), true);
    assert.deepEqual(
      servers.map(({ seen }) => seen.length),
      [2, 2, 2],
    );

    await until(() => ejected(caller) === 0);
    assert.deepEqual(await statuses(version, caller.port, 3), [200, 200, 200]);
    assert.equal(isPanicking(caller), false);
    assert.deepEqual(
      servers.map(({ seen }) => seen.length),
      [3, 3, 3],
    );
    // and the verdicts are believed again
    isBad = true;
    assert.deepEqual(await statuses(version, caller.port, 1), [500]);
    isBad = false;
    assert.deepEqual(await statuses(version, caller.port, 4), [200, 200, 200, 200]);
    assert.equal(isPanicking(caller), false);
    assert.deepEqual(servers.map(({ seen }) => seen.length).sort(), [4, 5, 5]);
  });

  test(`${version}: of endpoints that cannot be connected those that come back are found although all are ejected`, async () => {
    const server = await serveVersion(version, ({ answer }) => answer(200, 'back'));
    const { port } = server;
    await server.close();
    const caller = await Caller.start([server], { traffic: TRAFFIC });
    assert.deepEqual(await statuses(version, caller.port, 2), [502, 502]);
    assert.equal(ejected(caller), 1);
    const back = await serveVersion(version, ({ answer }) => answer(200, 'back'), { port });
    assert.deepEqual(await statuses(version, caller.port, 2), [200, 200]);
    await until(() => ejected(caller) === 0);
    assert.deepEqual(await statuses(version, caller.port, 2), [200, 200]);
    await back.close();
  });
}

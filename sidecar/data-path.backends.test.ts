import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute, RetryPolicy } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { ask, assertError, openClient, serveVersion, statusOf, VERSIONS } from './testing/versions.ts';

const route = (more: Partial<DestinationRoute>): DestinationRoute => ({ name: 'split', ...more });

/** Of two endpoints, asked in turn: by latency one that fails may be left alone before it has failed twice. */
const EJECTS_SOON = {
  loadBalancing: { algorithm: 'RoundRobin' },
  outlierDetection: { consecutiveErrors: 2, maxEjectedPercent: 50 },
} as const;

for (const version of VERSIONS) {
  const saying = (text: string) => serveVersion(version, (request) => request.answer(200, text));
  /** What is asked so often says so; what fails says its status. */
  const heard = async (caller: Caller, times: number) => {
    const answers = new Map<string, number>();
    const client = openClient(version, caller.port);
    for (let i = 0; i < times; i += 1) {
      const answer = await client.ask();
      const status = statusOf(version, answer);
      const said = status === 200 ? answer.body : `${status}`;
      answers.set(said, (answers.get(said) ?? 0) + 1);
    }
    client.close();
    return answers;
  };

  test(`${version}: requests are split over backends by their weights`, async () => {
    const backends = [{ name: 'shop/v2:80', servers: [await saying('v2')] }];
    const routes = [
      route({
        backends: [
          { backend: -1, weight: 75 },
          { backend: 0, weight: 25 },
        ],
      }),
    ];
    const caller = await Caller.start([await saying('v1')], { traffic: { routes }, backends });
    const answers = await heard(caller, 200);
    const share = (answers.get('v2') ?? 0) / 200;
    // three standard deviations of 200 draws at 25 %
    assert.ok(share > 0.158 && share < 0.342, `share of v2: ${share}`);
    assert.equal((answers.get('v1') ?? 0) + (answers.get('v2') ?? 0), 200);
  });

  test(`${version}: a backend of weight 0 gets nothing`, async () => {
    const unused = await saying('unused');
    const backends = [
      { name: 'shop/v2:80', servers: [await saying('v2')] },
      { name: 'shop/unused:80', servers: [unused] },
    ];
    const routes = [
      route({
        backends: [
          { backend: 1, weight: 0 },
          { backend: 0, weight: 1 },
        ],
      }),
    ];
    const caller = await Caller.start([await saying('v1')], { traffic: { routes }, backends });
    assert.deepEqual(await heard(caller, 20), new Map([['v2', 20]]));
    assert.equal(unused.seen.length, 0);
  });

  test(`${version}: a route swaps the service for another with nothing but policy, while connections are open`, async () => {
    const other = { name: 'shop/other:80', servers: [await saying('other')] };
    const caller = await Caller.start([await saying('own')]);
    assert.deepEqual(await heard(caller, 2), new Map([['own', 2]]));
    caller.setBackends([other]);
    caller.setTraffic({ routes: [route({ backends: [{ backend: 0, weight: 1 }] })] });
    assert.deepEqual(await heard(caller, 3), new Map([['other', 3]]));
    caller.setTraffic(undefined);
    assert.deepEqual(await heard(caller, 2), new Map([['own', 2]]));
  });

  test(`${version}: a backend without endpoints answers 503 for its share, and nobody else does`, async () => {
    const backends = [{ name: 'shop/none:80', servers: [] }];
    const routes = [
      route({
        match: [{ path: { type: 'PathPrefix', value: '/none' } }],
        backends: [{ backend: 0, weight: 1 }],
      }),
      { name: 'rest' },
    ];
    const caller = await Caller.start([await saying('own')], { traffic: { routes }, backends });
    assertError(version, await ask(version, caller.port, { path: '/none' }), 'no-endpoints');
    assert.equal(caller.log()[0]?.reason, 'nothing is ready behind shop/none:80');
    assert.equal((await ask(version, caller.port)).body, 'own');
  });

  test(`${version}: what a backend’s own policy says holds for it alone`, async () => {
    const failing = await serveVersion(version, (request) => request.answer(500, 'broken'));
    const backends = [
      {
        name: 'shop/failing:80',
        servers: [failing, await saying('fine')],
        traffic: EJECTS_SOON,
      },
    ];
    const routes = [route({ backends: [{ backend: 0, weight: 1 }] })];
    const caller = await Caller.start([await saying('own')], { traffic: { routes }, backends });
    await heard(caller, 30);
    assert.equal(caller.metric('weft_ejections_total'), 1);
    const before = failing.seen.length;
    assert.deepEqual(await heard(caller, 10), new Map([['fine', 10]]));
    assert.equal(failing.seen.length, before);
  });

  test(`${version}: what is learned of a backend stays when another version of the destination lists it again`, async () => {
    const failing = await serveVersion(version, (request) => request.answer(500, 'broken'));
    const backend = {
      name: 'shop/failing:80',
      servers: [failing, await saying('fine')],
      traffic: EJECTS_SOON,
    };
    const routes = [route({ backends: [{ backend: 0, weight: 1 }] })];
    const caller = await Caller.start([await saying('own')], { traffic: { routes }, backends: [backend] });
    await heard(caller, 30);
    assert.equal(caller.metric('weft_ejections_total'), 1);
    const before = failing.seen.length;
    caller.setBackends([{ name: 'shop/new:80', servers: [] }, backend]);
    caller.setTraffic({ routes: [route({ backends: [{ backend: 1, weight: 1 }] })] });
    assert.deepEqual(await heard(caller, 10), new Map([['fine', 10]]));
    assert.equal(failing.seen.length, before);
  });

  test(`${version}: connections to a backend that no route leads to any more are closed`, async () => {
    const gone = await saying('gone');
    const routes = [route({ backends: [{ backend: 0, weight: 1 }] })];
    const backends = [{ name: 'shop/gone:80', servers: [gone] }];
    const caller = await Caller.start([await saying('own')], { traffic: { routes }, backends });
    await heard(caller, 1);
    caller.setTraffic(undefined);
    caller.setBackends([]);
    await until(() => gone.accepted.every((socket) => socket.destroyed));
  });

  test(`${version}: retries stay with the backend that was chosen`, async () => {
    const failing = await serveVersion(version, (request) => request.answer(503, 'later'));
    const own = await saying('own');
    const retry: RetryPolicy = {
      ...{ attempts: 2, conditions: ['ServerError', 'GrpcUnavailable'], backoffBaseMs: 1, backoffMaxMs: 1 },
      nonIdempotent: version === 'grpc',
    };
    const routes = [route({ backends: [{ backend: 0, weight: 1 }], retry })];
    const backends = [{ name: 'shop/failing:80', servers: [failing] }];
    const caller = await Caller.start([own], { traffic: { routes }, backends });
    assert.equal(statusOf(version, await ask(version, caller.port)), 503);
    assert.equal(failing.seen.length, 3);
    assert.equal(own.seen.length, 0);
  });

  test(`${version}: a dead backend gives 502 and leaves the process as it was`, async () => {
    const dead = { port: await deadPort(), accepted: [], close: async () => {} };
    const routes = [route({ backends: [{ backend: 0, weight: 1 }] })];
    const backends = [{ name: 'shop/dead:80', servers: [dead] }];
    const caller = await Caller.start([await saying('own')], { traffic: { routes }, backends });
    assertError(version, await ask(version, caller.port), 'connect-failure');
    await until(() => caller.side.path.connections().open === 0);
  });
}

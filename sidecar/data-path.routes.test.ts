import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { toClose, until } from './testing/harness.ts';
import {
  type Asked,
  ask,
  assertError,
  begin,
  type Client,
  openClient,
  type Seen,
  serveVersion,
  statusOf,
  VERSIONS,
  type Version,
} from './testing/versions.ts';

const ROUTES: DestinationRoute[] = [
  { name: 'exact', match: [{ path: { type: 'Exact', value: '/exact' } }] },
  {
    name: 'writes',
    match: [{ path: { type: 'PathPrefix', value: '/api' }, methods: ['PUT', 'DELETE'] }],
  },
  {
    name: 'beta',
    match: [
      {
        path: { type: 'PathPrefix', value: '/api' },
        headers: [{ name: 'x-beta', type: 'Exact', value: 'on' }],
      },
    ],
  },
  { name: 'debug', match: [{ queryParams: [{ name: 'debug', type: 'Present' }] }] },
  { name: 'api', match: [{ path: { type: 'PathPrefix', value: '/api' } }] },
];

async function routed(version: Version, routes: DestinationRoute[] = ROUTES): Promise<Caller> {
  return Caller.start([await serveVersion(version)], { traffic: { routes } });
}

/** Ends with the test file. */
function client(version: Version, caller: Caller): Client {
  const opened = openClient(version, caller.port);
  toClose.push(async () => opened.close());
  return opened;
}

/** What is asked, and whether a call of gRPC can ask it: it is a POST. */
const TAKEN: readonly (readonly [asked: Asked, route: string, versions?: readonly Version[]])[] = [
  [{ path: '/exact' }, 'exact'],
  [{ path: '/exact?x=1' }, 'exact'],
  [{ path: '/api/a' }, 'api'],
  [{ path: '/api' }, 'api'],
  [{ path: '/x/../api/./a' }, 'api'],
  [{ path: '/api/a', method: 'DELETE' }, 'writes', ['http1', 'http2']],
  [{ path: '/api/a', headers: { 'X-Beta': 'on' } }, 'beta'],
  [{ path: '/api/a', headers: { 'X-Beta': 'off' } }, 'api'],
  [{ path: '/other?a=1&debug' }, 'debug'],
  [{ path: '/api/a?debug=1' }, 'debug'],
];

for (const [asked, route, versions = VERSIONS] of TAKEN) {
  for (const version of versions) {
    test(`${version}: ${JSON.stringify(asked)} takes the route ${route}`, async () => {
      const caller = await routed(version);
      assert.equal((await ask(version, caller.port, asked)).body, 'done');
      assert.equal(caller.metric('weft_requests_total', `route="${route}"`, `protocol="${version}"`), 1);
      assert.equal(caller.metric('weft_requests_total'), 1);
    });
  }
}

for (const version of VERSIONS) {
  for (const path of ['/', '/exactly', '/apiary', '/exact/x']) {
    test(`${version}: ${path} is on no route, and says so`, async () => {
      const caller = await routed(version);
      assertError(version, await ask(version, caller.port, { path }), 'no-route');
      assert.equal(caller.metric('weft_errors_total', 'code="no-route"'), 1);
      const status = version === 'grpc' ? 'status_class="2xx"' : 'status_class="4xx"';
      assert.equal(caller.metric('weft_requests_total', status, 'route=""'), 1);
      const calls = caller.metric('weft_grpc_requests_total', 'grpc_status="12"', 'route=""');
      assert.equal(calls, version === 'grpc' ? 1 : 0);
      assert.equal(caller.log()[0]?.route, undefined);
    });
  }

  test(`${version}: a connection that asked for what is on no route carries the next request, which is counted for itself`, async () => {
    const caller = await routed(version);
    const { ask } = client(version, caller);
    assert.equal((await ask({ path: '/exact' })).body, 'done');
    assertError(version, await ask({ path: '/nowhere' }), 'no-route');
    assert.equal((await ask({ path: '/api' })).body, 'done');
    for (const route of ['exact', '', 'api']) {
      assert.equal(caller.metric('weft_requests_total', `route="${route}"`), 1, route);
    }
    assert.equal(caller.side.path.connections().open, 1);
  });

  test(`${version}: retry and timeout of a route hold for its requests only`, async () => {
    const server = await serveVersion(version, (seen) => seen.answer(503, 'later'));
    const retry = (attempts: number) => ({
      ...{ attempts, conditions: ['GatewayError' as const, 'GrpcUnavailable' as const], backoffBaseMs: 1 },
      nonIdempotent: version === 'grpc',
    });
    const caller = await Caller.start([server], {
      traffic: {
        retry: retry(1),
        routes: [
          { name: 'more', match: [{ path: { type: 'Exact', value: '/more' } }], retry: retry(3) },
          {
            name: 'none',
            match: [{ path: { type: 'Exact', value: '/none' } }],
            retry: { attempts: 0, conditions: [] },
          },
          { name: 'rest' },
        ],
      },
    });
    for (const [asked, attempts] of [
      ['/more', 4],
      ['/none', 1],
      ['/rest', 2],
    ] as const) {
      assert.equal(statusOf(version, await ask(version, caller.port, { path: asked })), 503);
      assert.equal(server.seen.filter(({ path }) => path === asked).length, attempts, asked);
    }
    assert.deepEqual(
      caller.log().map(({ route }) => route),
      ['more', 'none', 'rest'],
    );
  });

  test(`${version}: a new version of the destination holds for the next request of an open connection`, async () => {
    const old = await serveVersion(version, (seen) => seen.answer(200, 'old'));
    const fresh = await serveVersion(version, (seen) => seen.answer(200, 'fresh'));
    const caller = await Caller.start([old], { traffic: { routes: [{ name: 'a' }] } });
    const { ask } = client(version, caller);
    assert.equal((await ask()).body, 'old');
    caller.setEndpoints([fresh.port]);
    caller.setTraffic({ routes: [{ name: 'b' }] });
    assert.equal((await ask()).body, 'fresh');
    caller.setTraffic({ routes: ROUTES });
    assertError(version, await ask({ path: '/nowhere' }), 'no-route');
    assert.equal(caller.metric('weft_requests_total', 'route="a"'), 1);
    assert.equal(caller.metric('weft_requests_total', 'route="b"'), 1);
    await fresh.close();
  });

  test(`${version}: a request under way ends on the route and endpoint it began with`, async () => {
    const held: Seen[] = [];
    const old = await serveVersion(version, (seen) => held.push(seen));
    const fresh = await serveVersion(version);
    const caller = await Caller.start([old], { traffic: { routes: [{ name: 'a' }] } });
    const { answer } = begin(version, caller.port);
    await until(() => held.length === 1);
    caller.setEndpoints([fresh.port]);
    caller.setTraffic({ routes: [{ name: 'b' }] });
    held[0]!.answer(200, 'old');
    assert.equal((await answer).body, 'old');
    assert.equal(caller.metric('weft_requests_total', 'route="a"', 'status_class="2xx"'), 1);
    await fresh.close();
  });

  test(`${version}: a destination that leaves the mesh while a connection is open is on no route`, async () => {
    const caller = await routed(version, [{ name: 'a' }]);
    const { ask } = client(version, caller);
    assert.equal((await ask()).body, 'done');
    caller.forget();
    assertError(version, await ask(), 'no-route');
  });
}

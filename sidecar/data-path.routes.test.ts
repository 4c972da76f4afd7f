import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../api/destination-traffic.ts';
import { Caller } from './testing/caller.ts';
import { get, last, until } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { connect, readUntil, talk } from './testing/wire.ts';

const DONE = (request: Served) => request.answer(200, 'done');

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

async function routed(routes: DestinationRoute[] = ROUTES): Promise<Caller> {
  return Caller.start([await serveRequests(DONE)], { traffic: { routes } });
}

for (const [request, route] of [
  [last('/exact'), 'exact'],
  [last('/exact?x=1'), 'exact'],
  [last('/api/a'), 'api'],
  [last('/api'), 'api'],
  [last('/x/../api/./a'), 'api'],
  [last('/api/a').replace('GET', 'DELETE'), 'writes'],
  [last('/api/a', 'X-Beta: on\r\n'), 'beta'],
  [last('/api/a', 'X-Beta: off\r\n'), 'api'],
  [last('/other?a=1&debug'), 'debug'],
  [last('/api/a?debug=1'), 'debug'],
] as const) {
  test(`${request.slice(0, request.indexOf('\r\nConn')).replace('\r\nHost: api', '')} takes the route ${route}`, async () => {
    const caller = await routed();
    assert.match(await talk(caller.port, request), /^HTTP\/1.1 200/);
    assert.equal(caller.metric('weft_requests_total', `route="${route}"`), 1);
    assert.equal(caller.metric('weft_requests_total'), 1);
  });
}

for (const path of ['/', '/exactly', '/apiary', '/exact/x']) {
  test(`${path} is on no route, and says so`, async () => {
    const caller = await routed();
    assert.match(await talk(caller.port, last(path)), /^HTTP\/1.1 404 [\s\S]*weft-error: no-route/);
    assert.equal(caller.metric('weft_errors_total', 'code="no-route"'), 1);
    assert.equal(caller.metric('weft_requests_total', 'status_class="4xx"', 'route=""'), 1);
    assert.equal(caller.log()[0]?.route, undefined);
  });
}

test('a connection that asked for what is on no route carries the next request, which is counted for itself', async () => {
  const caller = await routed();
  const socket = await connect(caller.port);
  socket.write(get('/exact'));
  await readUntil(socket, 'done');
  socket.write(get('/nowhere'));
  await readUntil(socket, '}\n');
  socket.write(get('/api'));
  await readUntil(socket, 'done');
  socket.destroy();
  for (const route of ['exact', '', 'api']) {
    assert.equal(caller.metric('weft_requests_total', `route="${route}"`), 1, route);
  }
});

test('retry and timeout of a route hold for its requests only', async () => {
  const server = await serveRequests((request) => request.answer(503, 'later'));
  const caller = await Caller.start([server], {
    traffic: {
      retry: { attempts: 1, conditions: ['GatewayError'], backoffBaseMs: 1 },
      routes: [
        {
          name: 'more',
          match: [{ path: { type: 'Exact', value: '/more' } }],
          retry: { attempts: 3, conditions: ['GatewayError'], backoffBaseMs: 1 },
        },
        {
          name: 'none',
          match: [{ path: { type: 'Exact', value: '/none' } }],
          retry: { attempts: 0, conditions: [] },
        },
        { name: 'rest' },
      ],
    },
  });
  for (const [path, attempts] of [
    ['/more', 4],
    ['/none', 1],
    ['/rest', 2],
  ] as const) {
    assert.match(await talk(caller.port, last(path)), /^HTTP\/1.1 503/);
    assert.equal(server.seen.filter((line) => line.endsWith(path)).length, attempts, path);
  }
  assert.deepEqual(
    caller.log().map(({ route }) => route),
    ['more', 'none', 'rest'],
  );
});

test('a new version of the destination holds for the next request of an open connection', async () => {
  const old = await serveRequests((request) => request.answer(200, 'old'));
  const fresh = await serveRequests((request) => request.answer(200, 'fresh'));
  const caller = await Caller.start([old], { traffic: { routes: [{ name: 'a' }] } });
  const socket = await connect(caller.port);
  socket.write(get());
  await readUntil(socket, 'old');
  caller.setEndpoints([fresh.port]);
  caller.setTraffic({ routes: [{ name: 'b' }] });
  socket.write(get());
  await readUntil(socket, 'fresh');
  caller.setTraffic({ routes: ROUTES });
  socket.write(get('/nowhere'));
  assert.match(await readUntil(socket, '}\n'), /no-route/);
  socket.destroy();
  assert.equal(caller.metric('weft_requests_total', 'route="a"'), 1);
  assert.equal(caller.metric('weft_requests_total', 'route="b"'), 1);
  await fresh.close();
});

test('a request under way ends on the route and endpoint it began with', async () => {
  const held: Served[] = [];
  const old = await serveRequests((request) => held.push(request));
  const fresh = await serveRequests(DONE);
  const caller = await Caller.start([old], { traffic: { routes: [{ name: 'a' }] } });
  const socket = await connect(caller.port);
  socket.write(get());
  await until(() => held.length === 1);
  caller.setEndpoints([fresh.port]);
  caller.setTraffic({ routes: [{ name: 'b' }] });
  held[0]!.answer(200, 'old');
  assert.match(await readUntil(socket, 'old'), /^HTTP\/1.1 200/);
  socket.destroy();
  assert.equal(caller.metric('weft_requests_total', 'route="a"', 'status_class="2xx"'), 1);
  await fresh.close();
});

test('a destination that leaves the mesh while a connection is open is on no route', async () => {
  const caller = await routed([{ name: 'a' }]);
  const socket = await connect(caller.port);
  socket.write(get());
  await readUntil(socket, 'done');
  caller.forget();
  socket.write(get());
  assert.match(await readUntil(socket, '}\n'), /weft-error: no-route/);
  socket.destroy();
});

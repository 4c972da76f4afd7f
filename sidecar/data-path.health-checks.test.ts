import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import type { HealthCheckPolicy } from '../api/destination-traffic.ts';
import type { AuthorizationRule } from '../api/proxy-config.ts';
import { HEALTH_METHOD } from './layers/grpc-health.ts';
import { Caller } from './testing/caller.ts';
import { inbound, start, until } from './testing/harness.ts';
import { type Pair, type Side, WEB } from './testing/pair.ts';
import { UNUSED, usage } from './testing/usage.ts';
import { ask, type Seen, serveVersion, type VersionServer } from './testing/versions.ts';
import { serve } from './testing/wire.ts';

/** gRPC's health service as a peer of another make answers it, and HTTP/2 servers asked for a path. */

const OFTEN = { intervalMs: 100, timeoutMs: 10_000, unhealthyAfter: 1, healthyAfter: 1 };
const ROUND_ROBIN = { algorithm: 'RoundRobin', panicPercent: 0 } as const;
const SERVING = '\0\0\0\0\x02\x08\x01';
const NOT_SERVING = '\0\0\0\0\x02\x08\x02';

afterEach(() => {
  const { connections: _, ...use } = usage();
  assert.deepEqual(use, UNUSED);
});

const unhealthy = (caller: Caller) => caller.metric('weft_endpoints', 'state="unhealthy"');
const verdicts = ({ said }: Side) => said.filter(({ message }) => String(message).includes('health checks'));
const probesOf = ({ seen }: VersionServer, path: string) => seen.filter((one) => one.path === path);

/** Answers calls, and health by what `isServing` says at the time. */
const withHealth =
  (isServing: () => boolean) =>
  (seen: Seen): void =>
    seen.answer(200, seen.path === HEALTH_METHOD ? (isServing() ? SERVING : NOT_SERVING) : 'done');

async function answers(caller: Caller, count: number): Promise<string[]> {
  const bodies = [];
  for (let call = 0; call < count; call += 1) {
    bodies.push((await ask('grpc', caller.port, { path: '/shop.Orders/Get' })).body);
  }
  return bodies;
}

test('an endpoint whose gRPC health service says NOT_SERVING gets no calls until it says SERVING again', async () => {
  let isServing = false;
  const sick = await serveVersion(
    'grpc',
    withHealth(() => isServing),
  );
  const well = await serveVersion(
    'grpc',
    withHealth(() => true),
  );
  const caller = await Caller.start([sick, well], {
    traffic: { loadBalancing: ROUND_ROBIN, healthCheck: { grpc: { service: 'shop.Orders' }, ...OFTEN } },
  });
  await until(() => unhealthy(caller) === 1);
  assert.deepEqual(await answers(caller, 4), Array(4).fill('done'));
  assert.equal(probesOf(sick, '/shop.Orders/Get').length, 0);
  isServing = true;
  await until(() => unhealthy(caller) === 0);
  await answers(caller, 4);
  assert.equal(probesOf(sick, '/shop.Orders/Get').length, 2);
  const { method, body, host, headers } = probesOf(sick, HEALTH_METHOD)[0]!;
  assert.deepEqual([method, body], ['POST', '\0\0\0\0\x0d\x0a\x0bshop.Orders']);
  assert.deepEqual([host, headers['content-type']], [`127.0.0.1:${sick.port}`, 'application/grpc']);
});

test('a gRPC server without a health service is unhealthy, and the log says what it answered', async () => {
  const bare = await serveVersion('grpc', (seen) => {
    if (seen.path === HEALTH_METHOD) seen.answer(200, '');
    else seen.answer(200, 'done');
  });
  const caller = await Caller.start([bare], { traffic: { healthCheck: { grpc: {}, ...OFTEN } } });
  await until(() => unhealthy(caller) === 1);
  assert.deepEqual(verdicts(caller.side), [
    {
      level: 'info',
      message: 'an endpoint fails its health checks',
      ...{
        destination: 'shop/api',
        endpoint: `127.0.0.1:${bare.port}`,
        reason: 'answered no HealthCheckResponse',
      },
    },
  ]);
});

for (const protocol of ['HTTP2', 'GRPC'] as const) {
  test(`an endpoint declared ${protocol} that speaks HTTP/2 only is asked for a path over HTTP/2`, async () => {
    let status = 200;
    const app = await serveVersion('http2', (seen) =>
      seen.answer(seen.path === '/healthz' ? status : 200, 'done'),
    );
    const healthCheck = { path: '/healthz', ...OFTEN };
    const caller = await Caller.start([app], { protocol, traffic: { healthCheck } });
    await until(() => probesOf(app, '/healthz').length >= 2);
    assert.equal(unhealthy(caller), 0);
    status = 503;
    await until(() => unhealthy(caller) === 1);
    status = 200;
    await until(() => unhealthy(caller) === 0);
    assert.equal(probesOf(app, '/healthz')[0]!.method, 'GET');
  });
}

test('an endpoint declared HTTP2 that answers HTTP/1 is asked again in HTTP/1, and from then on', async () => {
  const firstBytes: string[] = [];
  const app = await serve((socket) =>
    socket.once('data', (bytes) => {
      firstBytes.push(bytes.toString('latin1', 0, 3));
      const status = firstBytes.at(-1) === 'GET' ? '200 OK' : '400 Bad Request';
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    }),
  );
  const healthCheck = { path: '/healthz', ...OFTEN };
  const caller = await Caller.start([app], { protocol: 'HTTP2', traffic: { healthCheck } });
  await until(() => firstBytes.length >= 4);
  assert.deepEqual(firstBytes.slice(0, 4), ['PRI', 'GET', 'GET', 'GET']);
  assert.equal(unhealthy(caller), 0);
});

test('some endpoints of a destination declared HTTP2, to which a route leads, are asked over HTTP/2 too', async () => {
  const app = await serveVersion('http2');
  const traffic = { healthCheck: { path: '/healthz', ...OFTEN } };
  const caller = await Caller.start([], {
    protocol: 'HTTP2',
    traffic: { routes: [{ name: 'v2', backends: [{ backend: 0, weight: 1 }] }] },
    backends: [{ name: 'shop/api:80{version=v2}', servers: [app], traffic }],
  });
  await until(() => probesOf(app, '/healthz').length >= 2);
  assert.equal(unhealthy(caller), 0);
  assert.equal((await ask('http1', caller.port)).body, 'done');
});

const isUnhealthy = ({ web }: Pair) =>
  /weft_endpoints\{[^}]*state="unhealthy"\} 1/.test(web.path.renderMetrics());
const WEB_ONLY: AuthorizationRule[] = [
  { policy: 'shop/api', name: 'web', action: 'Allow', mode: 'Enforce', from: [{ spiffeId: WEB }] },
];
const MESHED: [
  what: string,
  version: 'http1' | 'http2' | 'grpc',
  healthCheck: HealthCheckPolicy,
  protocol: 'HTTP2' | 'GRPC' | undefined,
][] = [
  ['a gRPC health service', 'grpc', { grpc: {}, ...OFTEN }, undefined],
  ['a declared gRPC health service', 'grpc', { grpc: {}, ...OFTEN }, 'GRPC'],
  ['a path of an app that speaks HTTP/2 only', 'http2', { path: '/healthz', ...OFTEN }, 'HTTP2'],
  ['a path of an app that speaks HTTP/1', 'http1', { path: '/healthz', ...OFTEN }, undefined],
];
for (const [what, version, healthCheck, protocol] of MESHED) {
  test(`${what} is asked through the sidecar of the endpoint, in the caller's name`, async () => {
    let isServing = true;
    const respond =
      version === 'grpc' ? withHealth(() => isServing) : (seen: Seen) => seen.answer(isServing ? 200 : 503);
    const app = await serveVersion(version, respond);
    const pair = await start(app, {
      inbound: inbound(WEB_ONLY, {
        mtls: 'Strict',
        ...(protocol && { protocol }),
        authorizationDefault: 'Deny',
      }),
      destination: { traffic: { healthCheck }, ...(protocol && { protocol }) },
    });
    await ask(version, pair.port, { path: '/first' });
    const probes = () => app.seen.filter(({ path }) => path !== '/first');
    await until(() => probes().length >= 2);
    assert.equal(isUnhealthy(pair), false);
    assert.equal(probes()[0]!.headers['weft-caller'], WEB);
    isServing = false;
    await until(() => isUnhealthy(pair));
    isServing = true;
    await until(() => !isUnhealthy(pair));
  });
}

const ALLOWS: [what: string, allowed: NonNullable<AuthorizationRule['to']>[number], isHealthy: boolean][] = [
  ['its method and path', { methods: ['POST'], paths: [HEALTH_METHOD] }, true],
  ['its gRPC service and method', { grpc: { service: 'grpc.health.v1.Health', methods: ['Check'] } }, true],
  ['GET only', { methods: ['GET'] }, false],
];
for (const [what, allowed, isHealthy] of ALLOWS) {
  test(`a gRPC health check needs to be allowed: ${what}`, async () => {
    const app = await serveVersion(
      'grpc',
      withHealth(() => true),
    );
    const rules: AuthorizationRule[] = [{ ...WEB_ONLY[0]!, to: [allowed] }];
    const pair = await start(app, {
      inbound: inbound(rules, { mtls: 'Strict', authorizationDefault: 'Deny' }),
      destination: { traffic: { healthCheck: { grpc: {}, ...OFTEN } } },
    });
    await ask('grpc', pair.port);
    await until(() => app.seen.length >= 3 || isUnhealthy(pair));
    assert.equal(isUnhealthy(pair), !isHealthy);
    if (isHealthy) return;
    assert.equal(app.seen.length, 0);
    assert.equal(verdicts(pair.web)[0]!.reason, 'answered grpc-status 7 PERMISSION_DENIED');
  });
}

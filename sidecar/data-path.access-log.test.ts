import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RetryPolicy } from '../api/destination-traffic.ts';
import type { Telemetry } from '../api/proxy-config.ts';
import { FakeState, proxyConfig } from './testing/fake-state.ts';
import { DENY_ADMIN, inbound, last, start, toClose, until } from './testing/harness.ts';
import { deadPort } from './testing/http-server.ts';
import { type Side, startSide } from './testing/pair.ts';
import { ask, openClient, serveVersion, VERSIONS, type Version } from './testing/versions.ts';
import { talk } from './testing/wire.ts';

type AccessLog = NonNullable<Telemetry['accessLog']>;

function configure(side: Side, accessLog: AccessLog | undefined): void {
  const { telemetry: _, ...config } = side.state.config!;
  side.state.setConfig(accessLog === undefined ? config : { ...config, telemetry: { accessLog } });
}
const linesOf = ({ log }: Side) => log.map((line) => JSON.parse(line));
const pathsOf = (side: Side) => linesOf(side).map(({ path }) => path);

async function startLogging(version: Version, accessLog: AccessLog | undefined) {
  const pair = await start(await serveVersion(version), { inbound: inbound([DENY_ADMIN]) });
  for (const side of [pair.web, pair.api]) configure(side, accessLog);
  return pair;
}

for (const version of VERSIONS) {
  test(`${version}: without a policy and with Errors, only requests that failed are logged, on both sides`, async () => {
    for (const accessLog of [undefined, { mode: 'Errors' } as const]) {
      const pair = await startLogging(version, accessLog);
      for (const path of ['/fine', '/admin/x']) await ask(version, pair.port, { path });
      await until(() => pair.api.log.length > 0);
      assert.deepEqual(pathsOf(pair.api), ['/admin/x']);
      // to the caller's side a 403 is an answer like any other
      assert.deepEqual(pathsOf(pair.web), []);
    }
  });

  test(`${version}: with All every request is one line of JSON, with who, what and how, and nothing of headers and query`, async () => {
    const pair = await startLogging(version, { mode: 'All' });
    const headers = { authorization: 'Bearer secret' };
    await ask(version, pair.port, { path: '/items?token=secret', headers });
    await until(() => pair.api.log.length > 0 && pair.web.log.length > 0);
    assert.equal((pair.web.log.join('') + pair.api.log.join('')).includes('secret'), false);
    for (const line of [...pair.web.log, ...pair.api.log]) assert.match(line, /^\{.*\}\n$/);
    const { time, durationMs, endpoint, requestId, ...entry } = linesOf(pair.web)[0];
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.ok(durationMs >= 0);
    assert.equal(endpoint, `127.0.0.1:${pair.inboundPort}`);
    assert.deepEqual(entry, {
      ...{
        log: 'access',
        direction: 'outbound',
        caller: 'spiffe://cluster.local/ns/shop/sa/web',
        service: 'api',
      },
      ...{ method: version === 'grpc' ? 'POST' : 'GET', path: '/items', status: 200, attempts: 1 },
      ...(version === 'grpc' && { grpcStatus: 0 }),
    });
    const [there] = linesOf(pair.api);
    assert.deepEqual(
      [there.direction, there.path, there.status, there.requestId],
      ['inbound', '/items', 200, requestId],
    );
  });

  test(`${version}: with Sampled errors are logged, and of the rest the share that was asked for`, async () => {
    let random = 0;
    const app = await serveVersion(version);
    const config = proxyConfig('api', {
      inbound: inbound([DENY_ADMIN]),
      telemetry: { accessLog: { mode: 'Sampled', samplePercent: 25 } },
      listeners: {
        inbound: [{ address: '127.0.0.1', port: 0, appAddress: '127.0.0.1', appPort: app.port }],
        ...{ outbound: [], admin: { address: '127.0.0.1', port: 1 } },
      },
    });
    const side = await startSide(new FakeState(), config, {}, () => random);
    toClose.push(app.close, () => side.path.stop());
    for (const value of [0.1, 0.25, 0.9, 0.2]) {
      random = value;
      await ask(version, side.path.addresses()[0]!.port, { path: `/${value}` });
    }
    random = 0.99;
    await ask(version, side.path.addresses()[0]!.port, { path: '/admin/x' });
    await until(() => pathsOf(side).includes('/admin/x'));
    assert.deepEqual(pathsOf(side), ['/0.1', '/0.2', '/admin/x']);
  });

  test(`${version}: a changed mode holds at once, on open connections too`, async () => {
    const pair = await startLogging(version, undefined);
    const client = openClient(version, pair.port);
    const askAs = async (path: string, accessLog: AccessLog | undefined) => {
      configure(pair.api, accessLog);
      await client.ask({ path });
    };
    await askAs('/before', undefined);
    await askAs('/all', { mode: 'All' });
    await askAs('/disabled', { mode: 'Disabled' });
    await askAs('/again', { mode: 'All' });
    await until(() => pathsOf(pair.api).includes('/again'));
    assert.deepEqual(pathsOf(pair.api), ['/all', '/again']);
    client.close();
  });

  test(`${version}: a line tells how often an endpoint was asked`, async () => {
    const app = await serveVersion(version, ({ turn, answer }) => answer(turn === 1 ? 503 : 200));
    const retry: RetryPolicy = {
      ...{ attempts: 2, conditions: ['ServerError', 'GrpcUnavailable'], backoffBaseMs: 1 },
      nonIdempotent: version === 'grpc',
    };
    const pair = await start(app, { destination: { traffic: { retry } } });
    configure(pair.web, { mode: 'All' });
    await ask(version, pair.port);
    await until(() => pair.web.log.length > 0);
    const [{ attempts, retries, status }] = linesOf(pair.web);
    assert.deepEqual({ attempts, retries, status }, { attempts: 2, retries: 1, status: 200 });
  });

  test(`${version}: a line of a traced request names its trace`, async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const pair = await start(await serveVersion(version));
    const tracing = { endpoint: `http://127.0.0.1:${await deadPort()}`, samplePercent: 0 };
    const telemetry: Telemetry = { accessLog: { mode: 'All' }, tracing };
    pair.api.state.setConfig({ ...pair.api.state.config!, telemetry });
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    await ask(version, pair.port, { path: '/traced', headers });
    await ask(version, pair.port, { path: '/not' });
    await until(() => pair.api.log.length === 2);
    assert.deepEqual(
      linesOf(pair.api).map(({ path, traceId }) => [path, traceId]),
      [
        ['/traced', traceId],
        ['/not', undefined],
      ],
    );
  });

  test(`${version}: requests are counted by the template of their path from the moment a policy asks for it`, async () => {
    const pair = await start(await serveVersion(version));
    const askFor = (path: string) => ask(version, pair.port, { path });
    await askFor('/items/1');
    for (const { state } of [pair.web, pair.api]) {
      state.setConfig({ ...state.config!, telemetry: { metricLabels: ['PathTemplate'] } });
    }
    await askFor('/items/2?x=1');
    await askFor('/items/%33/');
    for (const { path } of [pair.web, pair.api]) {
      await until(() =>
        path.renderMetrics().includes('path_template="/items/{id}/",status_class="2xx"} 1\n'),
      );
      const text = path.renderMetrics();
      assert.match(text, /^weft_requests_total\{[^}]*mtls="true",status_class="2xx"\} 1$/m);
      assert.match(
        text,
        /^weft_requests_total\{.*mtls="true",path_template="\/items\/\{id\}",status_class="2xx"\} 1$/m,
      );
      assert.match(text, /^weft_request_duration_seconds_count\{.*path_template="\/items\/\{id\}"\} 1$/m);
    }
  });
}

test('with Disabled nothing is logged: no error, no denied connection, no malformed request', async () => {
  const pair = await startLogging('http1', { mode: 'Disabled' });
  const strict = { ...inbound([DENY_ADMIN]).ports[0]!, mtls: 'Strict' as const };
  await talk(pair.port, last('/admin/x'));
  await talk(pair.port, 'GET / HTTP/1.1\r\nno colon\r\n\r\n');
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: { ports: [strict], rules: [] } });
  assert.equal(await talk(pair.inboundPort, last()), '');
  await until(() => pair.api.path.renderMetrics().includes('code="strict-mtls"'));
  assert.match(pair.web.path.renderMetrics(), /code="bad-request"\} 1/);
  assert.deepEqual([pair.web.log, pair.api.log], [[], []]);
});

test('denied connections and malformed requests are logged in every other mode', async () => {
  const accessLog = { mode: 'Sampled', samplePercent: 0 } as const;
  const pair = await startLogging('http1', accessLog);
  const strict = { ...inbound([]).ports[0]!, mtls: 'Strict' as const };
  await talk(pair.port, 'GET / HTTP/1.1\r\nno colon\r\n\r\n');
  pair.api.state.setConfig({ ...pair.api.state.config!, inbound: { ports: [strict], rules: [] } });
  await talk(pair.inboundPort, last());
  await until(() => pair.api.log.length > 0 && pair.web.log.length > 0);
  assert.deepEqual(
    linesOf(pair.api).map(({ code }) => code),
    ['strict-mtls'],
  );
  assert.deepEqual(
    linesOf(pair.web).map(({ code }) => code),
    ['bad-request'],
  );
});

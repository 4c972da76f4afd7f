import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Telemetry } from '../api/proxy-config.ts';
import { FakeState, proxyConfig } from './testing/fake-state.ts';
import { DENY_ADMIN, echoHead, get, inbound, last, start, toClose, until } from './testing/harness.ts';
import { deadPort, serveRequests } from './testing/http-server.ts';
import { Pair, type Side, startSide } from './testing/pair.ts';
import { connect, readUntil, talk } from './testing/wire.ts';

type AccessLog = NonNullable<Telemetry['accessLog']>;

function configure(side: Side, accessLog: AccessLog | undefined): void {
  const { telemetry: _, ...config } = side.state.config!;
  side.state.setConfig(accessLog === undefined ? config : { ...config, telemetry: { accessLog } });
}
const linesOf = ({ log }: Side) => log.map((line) => JSON.parse(line));
const pathsOf = (side: Side) => linesOf(side).map(({ path }) => path);

async function startLogging(accessLog: AccessLog | undefined, options: Parameters<typeof start>[1] = {}) {
  const pair = await start(await echoHead(), { inbound: inbound([DENY_ADMIN]), ...options });
  for (const side of [pair.web, pair.api]) configure(side, accessLog);
  return pair;
}

test('without a policy and with Errors, only requests that failed are logged, on both sides', async () => {
  for (const accessLog of [undefined, { mode: 'Errors' } as const]) {
    const pair = await startLogging(accessLog);
    await talk(pair.port, get('/fine') + last('/admin/x'));
    await until(() => pair.api.log.length > 0);
    assert.deepEqual(pathsOf(pair.api), ['/admin/x']);
    // to the caller's side a 403 is an answer like any other
    assert.deepEqual(pathsOf(pair.web), []);
  }
});

test('with All every request is one line of JSON, with who, what and how, and nothing of headers and query', async () => {
  const pair = await startLogging({ mode: 'All' });
  await talk(pair.port, last('/items?token=secret', 'Authorization: Bearer secret\r\n'));
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
    ...{ method: 'GET', path: '/items', status: 200, attempts: 1 },
  });
  const [there] = linesOf(pair.api);
  assert.deepEqual(
    [there.direction, there.path, there.status, there.requestId],
    ['inbound', '/items', 200, requestId],
  );
});

test('with Disabled nothing is logged: no error, no denied connection, no malformed request', async () => {
  const pair = await startLogging({ mode: 'Disabled' });
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
  const pair = await startLogging(accessLog);
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

test('with Sampled errors are logged, and of the rest the share that was asked for', async () => {
  let random = 0;
  const app = await echoHead();
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
    await talk(side.path.addresses()[0]!.port, last(`/${value}`));
  }
  random = 0.99;
  await talk(side.path.addresses()[0]!.port, last('/admin/x'));
  await until(() => pathsOf(side).includes('/admin/x'));
  assert.deepEqual(pathsOf(side), ['/0.1', '/0.2', '/admin/x']);
});

test('a changed mode holds at once, on open connections too', async () => {
  const pair = await startLogging(undefined);
  const socket = await connect(pair.port);
  const ask = async (path: string, accessLog: AccessLog | undefined) => {
    configure(pair.api, accessLog);
    socket.write(get(path));
    await readUntil(socket, `GET ${path} `);
  };
  await ask('/before', undefined);
  await ask('/all', { mode: 'All' });
  await ask('/disabled', { mode: 'Disabled' });
  await ask('/again', { mode: 'All' });
  await until(() => pathsOf(pair.api).includes('/again'));
  assert.deepEqual(pathsOf(pair.api), ['/all', '/again']);
  socket.destroy();
});

test('a line tells how often an endpoint was asked', async () => {
  const app = await serveRequests(({ turn, answer }) => answer(turn === 1 ? 503 : 200));
  const retry = { attempts: 2, conditions: ['ServerError' as const], backoffBaseMs: 1 };
  const pair = await Pair.start({ appPort: app.port, destination: { traffic: { retry } } });
  toClose.push(app.close, () => pair.stop());
  configure(pair.web, { mode: 'All' });
  await talk(pair.port, last());
  await until(() => pair.web.log.length > 0);
  const [{ attempts, retries, status }] = linesOf(pair.web);
  assert.deepEqual({ attempts, retries, status }, { attempts: 2, retries: 1, status: 200 });
});

test('a line of a traced request names its trace', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const pair = await start(await echoHead());
  const tracing = { endpoint: `http://127.0.0.1:${await deadPort()}`, samplePercent: 0 };
  const telemetry: Telemetry = { accessLog: { mode: 'All' }, tracing };
  pair.api.state.setConfig({ ...pair.api.state.config!, telemetry });
  await talk(pair.port, last('/traced', `traceparent: 00-${traceId}-00f067aa0ba902b7-01\r\n`));
  await talk(pair.port, last('/not'));
  await until(() => pair.api.log.length === 2);
  assert.deepEqual(
    linesOf(pair.api).map(({ path, traceId }) => [path, traceId]),
    [
      ['/traced', traceId],
      ['/not', undefined],
    ],
  );
});

test('requests are counted by the template of their path from the moment a policy asks for it', async () => {
  const pair = await start(await echoHead());
  const ask = async (path: string) => void (await talk(pair.port, last(path)));
  await ask('/items/1');
  for (const { state } of [pair.web, pair.api]) {
    state.setConfig({ ...state.config!, telemetry: { metricLabels: ['PathTemplate'] } });
  }
  await ask('/items/2?x=1');
  await ask('/items/%33/');
  for (const { path } of [pair.web, pair.api]) {
    await until(() => path.renderMetrics().includes('path_template="/items/{id}/",status_class="2xx"} 1\n'));
    const text = path.renderMetrics();
    assert.match(text, /^weft_requests_total\{[^}]*mtls="true",status_class="2xx"\} 1$/m);
    assert.match(
      text,
      /^weft_requests_total\{.*mtls="true",path_template="\/items\/\{id\}",status_class="2xx"\} 1$/m,
    );
    assert.match(text, /^weft_request_duration_seconds_count\{.*path_template="\/items\/\{id\}"\} 1$/m);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Telemetry } from '../api/proxy-config.ts';
import { type ReceivedSpan, startCollector, type TestCollector } from './testing/collector.ts';
import { DENY_ADMIN, echoHead, get, inbound, last, start, toClose } from './testing/harness.ts';
import { deadPort, serveRequests } from './testing/http-server.ts';
import type { Pair, PairOptions, Side } from './testing/pair.ts';
import { serveHttp, type TestServer, talk } from './testing/wire.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = `traceparent: 00-${TRACE}-${SPAN}-01\r\n`;
const CLIENT = 3;
const SERVER = 2;

function configure(side: Side, telemetry: Telemetry | undefined): void {
  const { telemetry: _, ...config } = side.state.config!;
  side.state.setConfig(telemetry === undefined ? config : { ...config, telemetry });
}
const tracingTo = (endpoint: string, samplePercent = 100): Telemetry => ({
  tracing: { endpoint, samplePercent },
});

interface Traced {
  readonly pair: Pair;
  readonly collector: TestCollector;
}
async function startTraced(
  app: TestServer,
  samplePercent = 100,
  options: Omit<PairOptions, 'appPort'> = {},
): Promise<Traced> {
  const collector = await startCollector();
  toClose.push(collector.close);
  const pair = await start(app, options);
  for (const side of [pair.web, pair.api]) configure(side, tracingTo(collector.endpoint, samplePercent));
  return { pair, collector };
}

const flush = (pair: Pair) => Promise.all([pair.web, pair.api].map((side) => side.path.drain()));

/** What is exported once both sidecars have sent all. */
async function spansOf({ pair, collector }: Traced): Promise<readonly ReceivedSpan[]> {
  await flush(pair);
  return collector.spans;
}
const ofKind = (spans: readonly ReceivedSpan[], kind: number) => spans.find((span) => span.kind === kind)!;
const headerOf = (answer: string, name: string) =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(answer.slice(answer.indexOf('\r\n\r\n')))?.[1]?.trim();

test('a request is one trace: the caller’s sidecar, the callee’s below it, the app below that', async () => {
  const traced = await startTraced(await echoHead());
  const answer = await talk(traced.pair.port, last('/items/1?token=secret'));
  const spans = await spansOf(traced);
  assert.equal(spans.length, 2);
  const [client, server] = [ofKind(spans, CLIENT), ofKind(spans, SERVER)];
  assert.equal(client.parentSpanId, '');
  assert.deepEqual([server.traceId, server.parentSpanId], [client.traceId, client.spanId]);
  assert.equal(headerOf(answer, 'traceparent'), `00-${client.traceId}-${server.spanId}-01`);
  assert.ok(
    server.startMs >= client.startMs - 6 && server.endMs >= server.startMs && client.endMs >= client.startMs,
  );
  assert.ok(Math.abs(client.startMs - Date.now()) < 60_000);
});

test('spans say what the conventions for HTTP ask for, what the mesh decided, and no query', async () => {
  const app = await echoHead();
  const traced = await startTraced(app, 100, {
    destination: { traffic: { routes: [{ name: 'items' }] } },
  });
  const port = traced.pair.inboundPort;
  const answer = await talk(traced.pair.port, last('/items/1?token=secret', 'Authorization: secret\r\n'));
  const spans = await spansOf(traced);
  const [client, server] = [ofKind(spans, CLIENT), ofKind(spans, SERVER)];
  const common = {
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'url.path': '/items/1',
    'server.address': 'api',
    'server.port': 80,
    'network.protocol.version': '1.1',
    'network.peer.address': '127.0.0.1',
    'http.response.status_code': 200,
    'weft.request_id': headerOf(answer, 'x-request-id'),
  };
  assert.deepEqual(client.attributes, {
    ...common,
    'network.peer.port': port,
    'url.full': 'http://api/items/1',
    'weft.caller': 'spiffe://cluster.local/ns/shop/sa/web',
    'weft.service': 'api',
    'weft.endpoint': `127.0.0.1:${port}`,
    'weft.attempts': 1,
  });
  assert.deepEqual(server.attributes, {
    ...common,
    'client.address': '127.0.0.1',
    'weft.caller': 'spiffe://cluster.local/ns/shop/sa/web',
    'weft.verdict': 'allowed',
    'weft.rule': 'default',
    'weft.endpoint': `127.0.0.1:${app.port}`,
  });
  assert.deepEqual(
    [client.isError, server.isError, client.flags, server.flags],
    [false, false, 0x101, 0x301],
  );
  assert.deepEqual([client.name, server.name], ['GET items', 'GET']);
  assert.deepEqual(server.resource, {
    ...{ 'service.name': 'api', 'service.namespace': 'shop', 'service.instance.id': 'api-proxy' },
  });
  assert.equal(JSON.stringify(spans).includes('secret'), false);
});

test('a denial is a span with its policy and rule, and an error', async () => {
  const traced = await startTraced(await echoHead(), 100, { inbound: inbound([DENY_ADMIN]) });
  await talk(traced.pair.port, last('/admin/x', SAMPLED));
  const spans = await spansOf(traced);
  const [client, server] = [ofKind(spans, CLIENT), ofKind(spans, SERVER)];
  const told = (names: string[]) => names.map((name) => server.attributes[name]);
  assert.deepEqual(told(['weft.verdict', 'weft.policy', 'weft.rule', 'weft.error', 'error.type']), [
    ...['denied', 'shop/api', 'no-admin', 'denied', 'denied'],
  ]);
  assert.equal(server.isError, true);
  assert.deepEqual([server.traceId, client.traceId, client.parentSpanId], [TRACE, TRACE, SPAN]);
  assert.equal(client.attributes['weft.peer_error'], 'denied');
});

test('an app that fails and an endpoint that is not there are errors', async () => {
  const failing = await startTraced(await serveHttp(() => 'HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'));
  await talk(failing.pair.port, last());
  const [one, two] = await spansOf(failing);
  assert.deepEqual([one!.isError, one!.attributes['error.type']], [true, '503']);
  assert.deepEqual([two!.isError, two!.attributes['http.response.status_code']], [true, 503]);

  const absent = await startTraced({ port: await deadPort(), accepted: [], close: async () => {} });
  await talk(absent.pair.port, last());
  const server = ofKind(await spansOf(absent), SERVER);
  assert.deepEqual([server.isError, server.attributes['weft.error']], [true, 'connect-failure']);
});

test('an odd method is no name of its own', async () => {
  const traced = await startTraced(await echoHead());
  await talk(traced.pair.port, 'BREW /pot HTTP/1.1\r\nHost: api\r\nConnection: close\r\n\r\n');
  const { name, attributes } = ofKind(await spansOf(traced), SERVER);
  assert.equal(name, 'HTTP');
  assert.equal(attributes['http.request.method'], '_OTHER');
  assert.equal(attributes['http.request.method_original'], 'BREW');
});

test('what is not sampled makes no span, and the app hears of the decision', async () => {
  const traced = await startTraced(await echoHead(), 0);
  const unasked = await talk(traced.pair.port, last());
  assert.match(headerOf(unasked, 'traceparent')!, /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  const asked = await talk(
    traced.pair.port,
    last('/', `traceparent: 00-${TRACE}-${SPAN}-00\r\ntracestate: a=1\r\n`),
  );
  assert.equal(headerOf(asked, 'traceparent'), `00-${TRACE}-${SPAN}-00`);
  assert.equal(headerOf(asked, 'tracestate'), 'a=1');
  assert.deepEqual(await spansOf(traced), []);
});

test('who has decided to sample is followed, whatever the percentage here', async () => {
  const traced = await startTraced(await echoHead(), 0);
  const answer = await talk(traced.pair.port, last('/', `${SAMPLED}tracestate: a=1,b=2\r\n`));
  const spans = await spansOf(traced);
  assert.equal(spans.length, 2);
  assert.equal(headerOf(answer, 'traceparent'), `00-${TRACE}-${ofKind(spans, SERVER).spanId}-01`);
  assert.equal(headerOf(answer, 'tracestate'), 'a=1,b=2');
});

test('an app that speaks B3 goes on with the same trace, in either form', async () => {
  const traced = await startTraced(await echoHead(), 0);
  const single = await talk(traced.pair.port, last('/', `b3: ${TRACE}-${SPAN}-1\r\n`));
  const several = `X-B3-TraceId: ${TRACE}\r\nX-B3-SpanId: ${SPAN}\r\nX-B3-Sampled: 1\r\n`;
  const multi = await talk(traced.pair.port, last('/', several));
  const spans = await spansOf(traced);
  assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), new Set([TRACE]));
  const servers = spans.filter(({ kind }) => kind === SERVER);
  const clients = spans.filter(({ kind }) => kind === CLIENT);
  assert.deepEqual(
    clients.map(({ parentSpanId }) => parentSpanId),
    [SPAN, SPAN],
  );
  assert.ok(
    servers.some(
      ({ spanId, parentSpanId }) => headerOf(single, 'b3') === `${TRACE}-${spanId}-1-${parentSpanId}`,
    ),
  );
  assert.ok(servers.some(({ spanId }) => headerOf(multi, 'x-b3-spanid') === spanId));
  assert.equal(headerOf(multi, 'x-b3-traceid'), TRACE);
  assert.equal((multi.match(/x-b3-traceid/gi) ?? []).length, 1);
});

test('a traceparent that is not valid is replaced, and its tracestate goes with it', async () => {
  const traced = await startTraced(await echoHead());
  const answer = await talk(
    traced.pair.port,
    last('/', `traceparent: 00-${TRACE}-${SPAN}-1\r\ntracestate: a=1\r\n`),
  );
  const { traceId } = ofKind(await spansOf(traced), SERVER);
  assert.notEqual(traceId, TRACE);
  assert.equal(headerOf(answer, 'tracestate'), undefined);
  assert.equal((answer.match(/traceparent/gi) ?? []).length, 1);
});

test('all attempts of a request carry the same context, and the span counts them', async () => {
  const app = await serveRequests(({ turn, headers, answer }) =>
    turn === 1 ? answer(503) : answer(200, String(headers.traceparent)),
  );
  const retry = { attempts: 2, conditions: ['ServerError'], backoffBaseMs: 1 };
  const traced = await startTraced(app, 100, { destination: { traffic: { retry } as never } });
  const answer = await talk(traced.pair.port, last('/', SAMPLED));
  const spans = await spansOf(traced);
  const client = ofKind(spans, CLIENT);
  const servers = spans.filter(({ kind }) => kind === SERVER);
  assert.deepEqual(
    servers.map(({ parentSpanId }) => parentSpanId),
    [client.spanId, client.spanId],
  );
  assert.deepEqual(
    [client.attributes['weft.attempts'], client.attributes['http.request.resend_count']],
    [2, 1],
  );
  assert.ok(servers.some(({ spanId }) => answer.endsWith(`00-${TRACE}-${spanId}-01`)));
});

test('tracing follows the configuration at once, on open connections too', async () => {
  const { pair, collector } = await startTraced(await echoHead());
  configure(pair.api, undefined);
  configure(pair.web, undefined);
  const off = await talk(pair.port, last());
  assert.equal(headerOf(off, 'traceparent'), undefined);
  const elsewhere = await startCollector();
  toClose.push(elsewhere.close);
  configure(pair.web, tracingTo(elsewhere.endpoint));
  await talk(pair.port, get() + last());
  await flush(pair);
  assert.deepEqual([collector.spans.length, elsewhere.spans.length], [0, 2]);
});

test('a changed endpoint gets new spans, and the old one what was left for it', async () => {
  const { pair, collector } = await startTraced(await echoHead());
  await talk(pair.port, last());
  const elsewhere = await startCollector();
  toClose.push(elsewhere.close);
  for (const side of [pair.web, pair.api]) configure(side, tracingTo(elsewhere.endpoint));
  await collector.received(2);
  await talk(pair.port, last());
  await flush(pair);
  assert.deepEqual([collector.spans.length, elsewhere.spans.length], [2, 2]);
});

test('a configuration with an endpoint that is none is refused, and the one before stays', async () => {
  const { pair, collector } = await startTraced(await echoHead());
  for (const endpoint of ['ftp://collector', 'http://169.254.169.254', 'http://user:pw@collector']) {
    assert.throws(() => configure(pair.web, tracingTo(endpoint)), /telemetry.tracing.endpoint/);
  }
  await talk(pair.port, last());
  assert.equal((await spansOf({ pair, collector })).length, 2);
});

test('without tracing there is no metric of it', async () => {
  const pair = await start(await echoHead());
  await talk(pair.port, last());
  assert.equal(pair.web.path.renderMetrics().includes('weft_spans'), false);
});

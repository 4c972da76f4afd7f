import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { echoHead, last, until } from '../../sidecar/testing/harness.ts';
import { Pair } from '../../sidecar/testing/pair.ts';
import { talk } from '../../sidecar/testing/wire.ts';
import { withoutGo } from '../conformance/go-binary.ts';
import { type Collector, startCollector } from './collector.ts';

const skip = withoutGo() ?? false;
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

let collector: Collector;
const toStop: (() => Promise<void>)[] = [];
before(async () => {
  if (skip !== false) return;
  collector = await startCollector();
  toStop.push(collector.stop);
});
after(async () => {
  for (const stop of toStop.reverse()) await stop();
});

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}
const textOf = (attributes: readonly Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]));

/** Every span, with the name of the service whose resource it is. */
function spansOf(batches: readonly string[]) {
  return batches
    .flatMap((batch) => JSON.parse(batch).resourceSpans)
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ spans }: { spans: Record<string, unknown>[] }) =>
        spans.map((span) => ({ ...span, service: textOf(resource.attributes)['service.name'] })),
      ),
    );
}

test('the OpenTelemetry Collector takes the spans of both sidecars and understands them as they are meant', {
  skip,
}, async () => {
  const app = await echoHead();
  const pair = await Pair.start({ appPort: app.port });
  toStop.push(app.close, () => pair.stop());
  for (const { state } of [pair.web, pair.api]) {
    const tracing = { endpoint: collector.endpoint, samplePercent: 0 };
    state.setConfig({ ...state.config!, telemetry: { tracing } });
  }
  const traceparent = `traceparent: 00-${TRACE}-${CALLER}-01\r\n`;
  await talk(pair.port, last('/items/1?token=secret', traceparent));
  await talk(pair.port, last('/unsampled'));
  await Promise.all([pair.web.path.drain(), pair.api.path.drain()]);
  await until(() => spansOf(collector.batches).length >= 2);

  const spans = spansOf(collector.batches);
  assert.deepEqual(spans.map(({ service }) => service).toSorted(), ['api', 'web']);
  const [client, server] = ['web', 'api'].map((name) => spans.find(({ service }) => service === name)!);
  assert.deepEqual(
    [client.traceId, client.parentSpanId, client.kind, client.name],
    [TRACE, CALLER, 3, 'GET'],
  );
  assert.deepEqual([server.traceId, server.parentSpanId, server.kind], [TRACE, client.spanId, 2]);
  assert.deepEqual([client.flags, server.flags], [0x301, 0x301]);
  for (const span of spans) {
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano));
    const attributes = textOf(span.attributes);
    assert.equal(attributes['url.path'], '/items/1');
    assert.equal(attributes['http.response.status_code'], 200);
  }
  for (const { path } of [pair.web, pair.api]) {
    assert.match(path.renderMetrics(), /^weft_spans_exported_total 1$/m);
  }
});

test('a span with an error arrives with its status', { skip }, async () => {
  const before = spansOf(collector.batches).length;
  const app = await echoHead();
  const pair = await Pair.start({ appPort: app.port });
  await app.close();
  toStop.push(() => pair.stop());
  const { state } = pair.api;
  const tracing = { endpoint: collector.endpoint, samplePercent: 100 };
  state.setConfig({ ...state.config!, telemetry: { tracing } });
  await talk(pair.port, last());
  await pair.api.path.drain();
  await until(() => spansOf(collector.batches).length > before);
  const span = spansOf(collector.batches).at(-1);
  assert.equal(span.status.code, 2);
  assert.equal(textOf(span.attributes)['weft.error'], 'connect-failure');
});

test('what is no OTLP is refused by it, so that the tests above can fail', { skip }, async () => {
  const post = (body: string) =>
    fetch(`${collector.endpoint}/v1/traces`, {
      ...{ method: 'POST', headers: { 'Content-Type': 'application/json' }, body },
    });
  const { status } = await post('{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":7}]}]}]}');
  assert.equal(status, 400);
});

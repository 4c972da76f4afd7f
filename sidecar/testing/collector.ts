import assert from 'node:assert/strict';
import { until } from './harness.ts';
import { type HttpTestServer, type Served, serveRequests } from './http-server.ts';

/** A span as it came: attributes by name, numbers as numbers. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly flags: number;
  readonly name: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly isError: boolean;
  readonly resource: Readonly<Record<string, string | number>>;
}

export interface TestCollector extends HttpTestServer {
  readonly spans: ReceivedSpan[];
  readonly endpoint: string;
  /** Waits until so many have come. */
  received(count: number): Promise<readonly ReceivedSpan[]>;
}

/**
 * An OTLP/HTTP receiver that takes JSON only as trace.proto and the JSON encoding of OTLP say. `respond` answers
 * instead, before anything is read.
 */
export async function startCollector(respond?: (request: Served) => void): Promise<TestCollector> {
  const spans: ReceivedSpan[] = [];
  const server = await serveRequests((request) => {
    if (respond !== undefined) return respond(request);
    try {
      assert.deepEqual([request.method, request.path], ['POST', '/v1/traces']);
      assert.equal(request.headers['content-type'], 'application/json');
      spans.push(...readRequest(JSON.parse(request.body)));
    } catch (error) {
      return request.answer(400, String(error));
    }
    request.answer(200, '{}');
  });
  return {
    ...server,
    spans,
    endpoint: `http://127.0.0.1:${server.port}`,
    received: async (count) => {
      await until(() => spans.length >= count, `${count} spans`);
      return spans;
    },
  };
}

type Json = Record<string, unknown>;

function readRequest(request: Json): ReceivedSpan[] {
  return objects(only(request, 'resourceSpans').resourceSpans).flatMap((part) => {
    const { resource, scopeSpans } = only(part, 'resource', 'scopeSpans');
    const attributes = readAttributes(only(resource as Json, 'attributes').attributes);
    return objects(scopeSpans).flatMap((scope) => {
      assert.equal(typeof only(only(scope, 'scope', 'spans').scope as Json, 'name').name, 'string');
      return objects(scope.spans).map((span) => readSpan(span, attributes));
    });
  });
}

function readSpan(span: Json, resource: ReceivedSpan['resource']): ReceivedSpan {
  only(
    span,
    ...['traceId', 'spanId', 'parentSpanId', 'flags', 'name', 'kind', 'startTimeUnixNano', 'endTimeUnixNano'],
    ...['attributes', 'status'],
  );
  const { parentSpanId = '', name, kind, flags } = span;
  const status = only((span.status ?? {}) as Json, 'code', 'message');
  assert.match(String(span.traceId), /^(?!0+$)[0-9a-f]{32}$/);
  assert.match(String(span.spanId), /^(?!0+$)[0-9a-f]{16}$/);
  assert.match(String(parentSpanId), /^([0-9a-f]{16})?$/);
  assert.ok(typeof name === 'string' && name !== '');
  assert.ok(Number.isInteger(kind) && Number.isInteger(flags));
  assert.ok(status.code === undefined || status.code === 2);
  return {
    ...{ traceId: String(span.traceId), spanId: String(span.spanId), parentSpanId: String(parentSpanId) },
    ...{ flags: flags as number, name, kind: kind as number, isError: status.code === 2, resource },
    startMs: millisecondsOf(span.startTimeUnixNano),
    endMs: millisecondsOf(span.endTimeUnixNano),
    attributes: readAttributes(span.attributes),
  };
}

function readAttributes(list: unknown): Record<string, string | number> {
  const entries = objects(list).map((attribute): [string, string | number] => {
    const { key, value } = only(attribute, 'key', 'value');
    const { stringValue, intValue } = only(value as Json, 'stringValue', 'intValue');
    assert.equal(typeof (stringValue ?? intValue), 'string');
    return [String(key), (stringValue as string | undefined) ?? Number(intValue)];
  });
  assert.equal(new Set(entries.map(([key]) => key)).size, entries.length, 'no name twice');
  return Object.fromEntries(entries);
}

function millisecondsOf(nanoseconds: unknown): number {
  assert.ok(typeof nanoseconds === 'string' && /^\d{16,20}$/.test(nanoseconds));
  return Number(BigInt(nanoseconds) / 1_000n) / 1_000;
}

/** No other names than these. */
function only(value: Json, ...names: string[]): Json {
  assert.deepEqual(
    Object.keys(value).filter((name) => !names.includes(name)),
    [],
  );
  return value;
}

function objects(value: unknown): Json[] {
  assert.ok(Array.isArray(value));
  return value as Json[];
}

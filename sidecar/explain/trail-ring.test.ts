import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Exchange } from '../http1/exchange.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { Trail } from '../layers/trail.ts';
import { TrailRing } from './trail-ring.ts';

const SUBJECT = { direction: 'inbound', caller: 'c', callerAddress: '10.0.0.1', at: '10.0.0.2:80' } as const;
const NO_TRANSPORT = {} as ConstructorParameters<typeof Exchange>[1];

function exchangeOf(path: string, requestId = 'id'): Exchange {
  const exchange = new Exchange(parseRequestHead(`GET ${path} HTTP/1.1\r\nHost: a\r\n`), NO_TRANSPORT, 0);
  exchange.trail.requestId = requestId;
  return exchange;
}
function ringOf(capacity: number): TrailRing {
  let nowMs = 0;
  return new TrailRing(capacity, () => ++nowMs);
}

test('a ring keeps the newest, as many as it has room for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 30 }), (capacity, count) => {
      const ring = ringOf(capacity);
      for (let i = 1; i <= count; i += 1) ring.record(SUBJECT, exchangeOf(`/${i}`, `id-${i}`), '', i);
      const kept = [...ring.records()];
      const expected = Array.from({ length: Math.min(count, capacity) }, (_, back) => count - back);
      assert.deepEqual(
        kept.map(({ requestId }) => requestId),
        expected.map((i) => `id-${i}`),
      );
      assert.deepEqual(
        kept.map(({ path }) => path),
        expected.map((i) => `/${i}`),
      );
      assert.deepEqual(
        kept.map(({ durationMs }) => durationMs),
        expected,
      );
      assert.deepEqual(
        kept.map(({ endedMs }) => endedMs),
        expected,
      );
    }),
  );
});

test('a longer text leaves nothing in the place of a shorter one that follows it', () => {
  const ring = ringOf(1);
  ring.record(SUBJECT, exchangeOf(`/${'long'.repeat(20)}`, 'long-id'), '', 1);
  ring.record(SUBJECT, exchangeOf('/s', ''), '', 1);
  const [record] = ring.records();
  assert.equal(record?.path, '/s');
  assert.equal(record?.requestId, '');
  assert.equal(record?.pathIsCut, false);
});

test('of a path only the beginning is kept, and the record says so', () => {
  const ring = ringOf(2);
  ring.record(SUBJECT, exchangeOf(`/${'x'.repeat(10_000)}`), '', 1);
  const [record] = ring.records();
  assert.equal(record?.path?.length, 256);
  assert.equal(record?.pathIsCut, true);
});

test('a request without a path has none', () => {
  const ring = ringOf(1);
  const head = parseRequestHead('OPTIONS * HTTP/1.1\r\nHost: a\r\n');
  ring.record(SUBJECT, new Exchange(head, NO_TRANSPORT, 0), '', 1);
  assert.equal([...ring.records()][0]?.path, undefined);
});

test('what a sidecar that served nothing has to keep is nothing', () => {
  assert.deepEqual([...ringOf(2_048).records()], []);
});

test('a place that is used again has method and host of the request it was used for last', () => {
  const ring = ringOf(1);
  for (const [method, host] of [
    ['GET', 'a.example'],
    ['GET', 'b.example'],
    ['M-SEARCH-OF-A-KIND', 'b.example'],
    ['GET', 'b.example'],
    ['POST', 'a.example'],
  ]) {
    const head = parseRequestHead(`${method} / HTTP/1.1\r\nHost: ${host}\r\n`);
    ring.record(SUBJECT, new Exchange(head, NO_TRANSPORT, 0), '', 1);
    const [record] = ring.records();
    assert.deepEqual([record?.method, record?.host], [method, host]);
  }
});

test('an id is kept whole up to its bound, however long it is', () => {
  for (const length of [1, 47, 48, 49, 127, 128]) {
    const ring = ringOf(1);
    const id = `${'i'.repeat(length - 1)}z`;
    ring.record(SUBJECT, exchangeOf('/', id), '', 1);
    assert.equal([...ring.records()][0]?.requestId, id);
  }
});

test('what differs from the request before on the same connection is that request’s alone', () => {
  const subject = { ...SUBJECT };
  const ring = ringOf(100);
  const changes: ((exchange: Exchange) => void)[] = [
    ...Object.entries(new Trail()).flatMap(([name, value]) =>
      UNRECORDED.has(name)
        ? []
        : [(exchange: Exchange) => void Object.assign(exchange.trail, { [name]: otherThan(value) })],
    ),
    (exchange) => Object.assign(exchange, { error: 'denied' }),
    (exchange) => Object.assign(exchange, { aborted: true }),
    (exchange) => Object.assign(exchange, { status: 418 }),
  ];
  for (const change of changes) {
    const before = exchangeOf('/');
    const after = exchangeOf('/');
    change(after);
    for (const exchange of [before, after, before]) ring.record(subject, exchange, '', 1);
    const [third, second, first] = [...ring.records()].map(({ endedMs: _, ...record }) => record);
    assert.deepEqual(third, first);
    assert.notDeepEqual(second, first, change.toString());
    const fresh = ringOf(1);
    fresh.record({ ...SUBJECT }, after, '', 1);
    const { endedMs: _, ...alone } = [...fresh.records()][0]!;
    assert.deepEqual(second, alone);
  }
});

test('a change of the service alone is seen, too', () => {
  const ring = ringOf(3);
  const subject = { ...SUBJECT };
  for (const service of ['a', 'b', 'a']) ring.record(subject, exchangeOf('/'), service, 1);
  assert.deepEqual(
    [...ring.records()].map(({ service }) => service),
    ['a', 'b', 'a'],
  );
});

/** Times are differences to the beginning; the host is the request’s. */
const UNRECORDED: ReadonlySet<string> = new Set(['startedMs', 'host', 'upstream', 'settings', 'chosen']);
function otherThan(value: unknown): unknown {
  if (typeof value === 'boolean') return !value;
  return typeof value === 'number' ? 7 : 'other';
}

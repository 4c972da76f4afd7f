import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Exchange } from '../http1/exchange.ts';
import { parseRequestHead } from '../http1/request-head.ts';
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

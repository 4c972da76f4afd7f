import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Exchange } from '../http1/exchange.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import type { Observation } from '../layers/telemetry.ts';
import { proxyConfig } from '../testing/fake-state.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { OpenSpan } from './open-span.ts';
import type { Span } from './span.ts';
import { createTracer } from './tracer.ts';

const timers = new FakeTimers();
const observation = {
  ...{ direction: 'outbound', timers, caller: 'spiffe://cluster.local/ns/shop/sa/web', callerAddress: '' },
  parties: () => ({ service: 'api' }),
} as unknown as Observation;
const context = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), parentId: '', sampled: true };

function exchangeOf(host: string, more = ''): Exchange {
  const head = parseRequestHead(`GET /some/longer/path HTTP/1.1\r\nHost: ${host}\r\n${more}`);
  return new Exchange(head, {} as never, timers.nowMs());
}
function spanOf(exchange: Exchange): Span {
  const spans: Span[] = [];
  exchange.onFinish(new OpenSpan(context, observation, 0, (span) => void spans.push(span)));
  exchange.finish();
  return spans[0]!;
}

test('the server is the host that was asked, IPv6 without brackets, with its port', () => {
  for (const [host, address, port] of [
    ['api', 'api', 80],
    ['api.shop:8080', 'api.shop', 8080],
    ['[2001:db8::1]', '2001:db8::1', 80],
    ['[2001:db8::1]:8080', '2001:db8::1', 8080],
  ] as const) {
    const attributes = Object.fromEntries(spanOf(exchangeOf(host)).attributes);
    assert.deepEqual([attributes['server.address'], attributes['server.port']], [address, port]);
    assert.equal(attributes['url.full'], `http://${host}/some/longer/path`);
  }
});

test('a request that was cut is an error, even if its answer had begun well', () => {
  const exchange = exchangeOf('api');
  exchange.status = 200;
  exchange.aborted = true;
  const span = spanOf(exchange);
  assert.equal(span.isError, true);
  assert.equal(Object.fromEntries(span.attributes)['error.type'], 'aborted');
});

test('spans that wait keep nothing of the heads they were made of', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const telemetry = { tracing: { endpoint: 'http://127.0.0.1:1', samplePercent: 100 } };
  const tracer = createTracer({
    config: proxyConfig('web', { telemetry }),
    counts: { exported: 0, dropped: { 'queue-full': 0, refused: 0, unreachable: 0 } },
    ...{ timers, random: () => 0, wallMs: () => 0 },
  })!;
  const used = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = used();
  // fewer than a batch, so that none is sent
  for (let count = 0; count < 100; count += 1) {
    const parent = `traceparent: 00-${'1'.repeat(32)}-${'2'.repeat(16)}-01\r\n`;
    const exchange = exchangeOf(
      `api-${count}.shop.example`,
      `${parent}Cookie: ${String(count).repeat(60_000)}\r\n`,
    );
    exchange.trail.requestId = exchange.head.header('cookie')!.slice(0, 36);
    tracer.begin(exchange, observation);
    exchange.finish();
  }
  const keptBytes = used() - before;
  assert.ok(keptBytes < 1_000_000, `${keptBytes} bytes`);
});

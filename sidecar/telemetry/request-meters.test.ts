import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { METRICS } from '../../api/metrics.ts';
import { Edges } from './edges.ts';
import { parseExposition } from './exposition.fixture.ts';
import { NOBODY, type Parties } from './parties.ts';
import { slices } from './prometheus.ts';
import { DURATION_BUCKETS, RequestMeters } from './request-meters.ts';

const WEB_TO_API: Parties = {
  source: { workload: 'web', namespace: 'shop' },
  destination: { workload: 'api', namespace: 'back' },
  service: 'api',
};
const LABELS =
  'direction="outbound",source_workload="web",source_namespace="shop",destination_workload="api",' +
  'destination_namespace="back",service="api",route="/items",protocol="http1",mtls="true"';

function meters() {
  const edges = new Edges();
  const requests = new RequestMeters(edges);
  return { edges, requests, text: () => [...slices(requests.families())].join('') };
}

test('a request is counted by its parties, route, protocol, status class and mTLS', () => {
  const { requests, text } = meters();
  const meter = requests.get('outbound', WEB_TO_API, 'http1', '/items', true);
  for (const status of [200, 204, 301, 503, 0]) meter.record(status, 1);
  assert.deepEqual(
    text()
      .split('\n')
      .filter((line) => line.startsWith('weft_requests_total')),
    [
      `weft_requests_total{${LABELS},status_class="none"} 1`,
      `weft_requests_total{${LABELS},status_class="2xx"} 2`,
      `weft_requests_total{${LABELS},status_class="3xx"} 1`,
      `weft_requests_total{${LABELS},status_class="5xx"} 1`,
    ],
  );
});

test('a status that does not exist counts as one that does', () => {
  const { requests, text } = meters();
  const meter = requests.get('outbound', WEB_TO_API, 'http1', '/items', true);
  for (const status of [600, 999, 1e9, Number.POSITIVE_INFINITY]) meter.record(status, 1);
  for (const status of [-1, 99, Number.NaN]) meter.record(status, 1);
  const { samples } = parseExposition(text()).get(METRICS.requests)!;
  assert.deepEqual(
    samples.map(({ labels, value }) => [labels.get('status_class'), value]),
    [
      ['none', 3],
      ['5xx', 4],
    ],
  );
});

test('a histogram is rendered cumulative, with sum and count', () => {
  const { requests, text } = meters();
  const meter = requests.get('outbound', WEB_TO_API, 'http1', '/items', true);
  for (const durationMs of [1, 2, 60_000]) meter.record(200, durationMs);
  const rendered = text();
  for (const [le, count] of [
    ['0.001', 1],
    ['0.0025', 2],
    ['10', 2],
    ['+Inf', 3],
  ]) {
    assert.ok(
      rendered.includes(`weft_request_duration_seconds_bucket{${LABELS},le="${le}"} ${count}\n`),
      `${le}`,
    );
  }
  assert.ok(rendered.includes(`weft_request_duration_seconds_sum{${LABELS}} 60.003\n`));
  assert.ok(rendered.includes(`weft_request_duration_seconds_count{${LABELS}} 3\n`));
});

test('every duration is in the bucket its bounds say', () => {
  const duration = fc.double({ min: 0, max: 20_000, noNaN: true });
  const edge = fc.constantFrom(...DURATION_BUCKETS.map((seconds) => seconds * 1000));
  fc.assert(
    fc.property(fc.array(fc.oneof(duration, edge), { minLength: 1 }), (durations) => {
      const { requests, text } = meters();
      const meter = requests.get('outbound', WEB_TO_API, 'http1', '/items', true);
      for (const durationMs of durations) meter.record(200, durationMs);
      const { samples } = parseExposition(text()).get(METRICS.requestDuration)!;
      for (const { labels, value } of samples.filter(({ name }) => name.endsWith('_bucket'))) {
        const boundMs = Number(labels.get('le')!.replace('Inf', 'Infinity')) * 1000;
        assert.equal(value, durations.filter((durationMs) => durationMs <= boundMs).length);
      }
    }),
  );
});

test('a clock that goes back or gives no number does not spoil the sum', () => {
  const { requests, text } = meters();
  const meter = requests.get('outbound', WEB_TO_API, 'http1', '/items', true);
  for (const durationMs of [-5, Number.NaN, Number.NEGATIVE_INFINITY, 3]) meter.record(200, durationMs);
  assert.match(text(), /_sum\{.*\} 0\.003\n/);
  assert.match(text(), /_count\{.*\} 4\n/);
});

test('each look-up of the same parties finds the same meter, by content', () => {
  const { requests } = meters();
  const meter = requests.get('outbound', WEB_TO_API, 'http1', '/items', true);
  assert.equal(requests.get('outbound', structuredClone(WEB_TO_API), 'http1', '/items', true), meter);
  const different = [
    requests.get('inbound', WEB_TO_API, 'http1', '/items', true),
    requests.get('outbound', { ...WEB_TO_API, service: 'other-api' }, 'http1', '/items', true),
    requests.get('outbound', WEB_TO_API, 'http2', '/items', true),
    requests.get('outbound', WEB_TO_API, 'http1', '/', true),
    requests.get('outbound', WEB_TO_API, 'http1', '/items', false),
  ];
  assert.equal(new Set([meter, ...different]).size, 6);
});

test('many meters, over several blocks, keep their own numbers', () => {
  const { requests, text } = meters();
  const all = Array.from({ length: 300 }, (_, index) =>
    requests.get('inbound', WEB_TO_API, 'http1', `/${index}`, true),
  );
  for (const [index, meter] of all.entries()) {
    for (let count = 0; count <= index % 7; count += 1) meter.record(200, index);
  }
  const { samples } = parseExposition(text()).get(METRICS.requests)!;
  assert.equal(samples.length, 300);
  for (const { labels, value } of samples)
    assert.equal(value, (Number(labels.get('route')!.slice(1)) % 7) + 1);
});

test('callers beyond the bound share one meter and one edge per direction, with the status still known', () => {
  const { edges, requests, text } = meters();
  for (let index = 0; index < 500; index += 1) {
    const source = { workload: `w${index}`, namespace: 'n' };
    const meter = requests.get('inbound', { source, destination: NOBODY, service: '' }, 'http1', '', true);
    meter.record(503, 1);
    meter.edge.errors += 1;
  }
  assert.match(
    text(),
    /^weft_requests_total\{direction="inbound",source_workload="other",.*status_class="5xx"\} 100$/m,
  );
  assert.equal(edges.list().length, 401);
  assert.equal(edges.list().find(({ source }) => source === 'other')?.errors, 100);
  requests.get('outbound', WEB_TO_API, 'http1', '/items', true).record(200, 1);
  assert.ok(text().includes(`weft_requests_total{${LABELS},status_class="2xx"} 1\n`));
});

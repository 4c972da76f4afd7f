import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../api/metrics.ts';
import { proxyConfig } from '../testing/fake-state.ts';
import { AccessLog } from './access-log.ts';
import { parseExposition } from './exposition.fixture.ts';
import { Telemetry } from './telemetry.ts';

const ON = proxyConfig('web', { telemetry: { metricLabels: ['PathTemplate'] } });

function telemetryWith(config = ON): Telemetry {
  const telemetry = new Telemetry(new AccessLog({ write: () => true, once: () => undefined as never }));
  telemetry.configure(config);
  return telemetry;
}
function count(telemetry: Telemetry, source: string, path: string | undefined): void {
  const party = (workload: string) => ({ workload, namespace: 'shop' });
  const parties = { source: party(source), destination: party('api'), service: '' };
  const meter = telemetry.requestMeter('inbound', parties, 'http1', '', true);
  telemetry.byPath(meter, path).record(200, 1);
}
function samplesOf(telemetry: Telemetry, metric: string = METRICS.requests) {
  return parseExposition(telemetry.renderAll()).get(metric)!.samples;
}

test('requests are counted by the template of their path, and nowhere else too', () => {
  const telemetry = telemetryWith();
  for (const path of ['/items/1', '/items/2', '/']) count(telemetry, 'web', path);
  const counted = samplesOf(telemetry).map(({ labels, value }) => [labels.get('path_template'), value]);
  assert.deepEqual(counted, [
    ['/items/{id}', 2],
    ['/', 1],
  ]);
  const counts = samplesOf(telemetry, METRICS.requestDuration).filter(({ name }) => name.endsWith('_count'));
  assert.deepEqual(
    counts.map(({ labels, value }) => [labels.get('path_template'), value]),
    counted,
  );
});

test('a request without a path is counted without a template', () => {
  const telemetry = telemetryWith();
  count(telemetry, 'web', undefined);
  assert.deepEqual(
    samplesOf(telemetry).map(({ labels }) => labels.has('path_template')),
    [false],
  );
});

test('without the label there is not a byte of it, and turning it off counts on as before', () => {
  const telemetry = telemetryWith(proxyConfig('web'));
  count(telemetry, 'web', '/items/1');
  assert.equal(telemetry.renderAll().includes('path_template'), false);
  telemetry.configure(ON);
  count(telemetry, 'web', '/items/1');
  telemetry.configure(proxyConfig('web'));
  count(telemetry, 'web', '/items/1');
  assert.deepEqual(
    samplesOf(telemetry).map(({ labels, value }) => [labels.get('path_template'), value]),
    [
      [undefined, 2],
      ['/items/{id}', 1],
    ],
  );
});

test('a caller who makes up paths gets one series for the rest of them, and takes no other caller’s room', () => {
  const telemetry = telemetryWith();
  for (let index = 0; index < 5_000; index += 1) count(telemetry, 'scanner', `/page.${index}`);
  count(telemetry, 'web', '/items/1');
  const samples = samplesOf(telemetry);
  const rest = samples.find(({ labels }) => labels.get('path_template') === 'other')!;
  assert.deepEqual([rest.labels.get('source_workload'), rest.value], ['scanner', 4_900]);
  assert.equal(
    samples.find(({ labels }) => labels.get('source_workload') === 'web')!.labels.get('path_template'),
    '/items/{id}',
  );
  assert.match(
    telemetry.renderAll(),
    /^weft_metrics_series_overflow_total\{metric="weft_requests_total"\} 4900$/m,
  );
});

test('all callers together have 400 templates, and each its own rest', () => {
  const telemetry = telemetryWith();
  for (let caller = 0; caller < 50; caller += 1) {
    for (const letter of 'abcdefghijklmnop') count(telemetry, `w${caller}`, `/${letter}`);
  }
  const templates = samplesOf(telemetry).map(({ labels }) => labels.get('path_template'));
  assert.equal(templates.filter((template) => template !== 'other').length, 400);
  assert.equal(templates.filter((template) => template === 'other').length, 25);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { METRICS, type MetricName } from '../../api/metrics.ts';
import { AccessLog } from './access-log.ts';
import { Counters } from './counters.ts';
import { parseExposition } from './exposition.fixture.ts';
import type { Direction, Parties } from './parties.ts';
import { slices } from './prometheus.ts';
import { Telemetry } from './telemetry.ts';

const quiet = () => new Telemetry(new AccessLog({ write: () => true, once: () => undefined as never }));
const between = (source: string, destination = 'api'): Parties => ({
  source: { workload: source, namespace: 'shop' },
  destination: { workload: destination, namespace: 'shop' },
  service: 'api',
});

/** Both directions as full as they get. */
function full(): Telemetry {
  const telemetry = quiet();
  for (const direction of ['inbound', 'outbound'] as Direction[]) {
    for (let index = 0; index < 500; index += 1) {
      const meter = telemetry.requestMeter(direction, between(`w${index}`), 'http1', '/items', true);
      for (const status of [0, 101, 200, 304, 404, 503]) meter.record(status, index);
      telemetry.tcp(direction, between(`w${index}`), true).bytes('sent', index);
    }
  }
  return telemetry;
}

test('more than 10,000 series come in slices, each with a bounded part of them', () => {
  const telemetry = full();
  const parts = [...telemetry.slices()];
  const families = parseExposition(parts.join(''));
  const series = [...families.values()].reduce((sum, { samples }) => sum + samples.length, 0);
  assert.ok(series > 10_000, `${series} series`);
  for (const part of parts) {
    assert.ok(part.length < 32 * 1024, `a slice of ${part.length} characters`);
    assert.ok(part.split('\n').length < 200, `a slice of ${part.split('\n').length} lines`);
    assert.ok(part.endsWith('\n'), 'a slice ends with a line');
  }
  assert.ok(parts.length > series / 200);
  assert.equal(parts.join(''), telemetry.renderAll());
});

test('what is counted and created between two slices leaves the text whole', () => {
  const telemetry = full();
  let text = '';
  let turn = 0;
  for (const slice of telemetry.slices()) {
    text += slice;
    turn += 1;
    telemetry.requestMeter('inbound', between('w0'), 'http1', '/items', true).record(200, turn);
    telemetry.tcp('outbound', between(`late${turn}`), false).bytes('received', 1);
    telemetry.retry('outbound', { name: `service${turn}`, namespace: 'n' }, 'connect');
  }
  parseExposition(text);
  assert.match(
    text,
    /weft_retries_total\{direction="outbound",service="service1",destination_namespace="n",reason="connect"\} 1\n/,
  );
});

test('label values are escaped, so that none can end its line', () => {
  const counters = new Counters(METRICS.retries, 'X.', ['a']);
  counters.get('q"\\\n').add(1);
  assert.match([...slices([counters])].join(''), /^weft_retries_total\{a="q\\"\\\\\\n"\} 1$/m);
});

test('whatever peers and policies call themselves, the text stays valid and the names come back', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.string({ unit: fc.constantFrom('"', '\\', '\n', '{', '}', ',', '=', ' ', '\ud800') }),
    fc.string({ minLength: 250, maxLength: 400 }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, name, name), { maxLength: 20 }), (names) => {
      const telemetry = quiet();
      for (const [workload, service, route] of names) {
        const parties = { ...between(workload), service };
        telemetry.requestMeter('inbound', parties, 'http1', route, true).record(200, 1);
        telemetry.tcp('inbound', parties, false).bytes('sent', 1);
        telemetry.authorization({ allowed: true, policy: workload, rule: route }, 'Enforce');
      }
      const { samples } = parseExposition(telemetry.renderAll()).get(METRICS.requests)!;
      const total = samples.reduce((sum, { value }) => sum + value, 0);
      assert.equal(total, names.length);
      const shown = new Set(samples.map(({ labels }) => labels.get('route')));
      for (const [, , route] of names) {
        if (route.length <= 256 && route.isWellFormed()) assert.ok(shown.has(route));
      }
    }),
    { numRuns: 60 },
  );
});

test('a gauge is asked for at each scrape, and only so much of it', () => {
  const telemetry = quiet();
  let open = 3;
  telemetry.registerGauge(METRICS.connectionsOpen, 'Open.', ['direction'], () => [[['inbound'], open]]);
  telemetry.registerGauge(METRICS.endpoints, 'Endpoints.', ['service'], function* () {
    for (let index = 0; ; index += 1) yield [[`s${index}`], index];
  });
  const first = parseExposition(telemetry.renderAll());
  assert.equal(first.get(METRICS.connectionsOpen)!.samples[0]!.value, 3);
  assert.equal(first.get(METRICS.endpoints)!.samples.length, 1_000);
  open = Number.POSITIVE_INFINITY;
  const second = telemetry.renderAll();
  assert.match(second, /^weft_connections_open\{direction="inbound"\} \+Inf$/m);
  assert.match(second, /^weft_metrics_series_overflow_total\{metric="weft_endpoints"\} 1$/m);
});

test('a name that is taken and a label that is none are refused', () => {
  const telemetry = quiet();
  const register = (name: MetricName, labels: string[]) => () =>
    telemetry.registerCounter(name, 'X.', labels, () => []);
  assert.throws(register(METRICS.requests, []), /weft_requests_total is there already/);
  for (const label of ['', 'a-b', 'a"b', '1a', 'A'])
    assert.throws(register(METRICS.ejections, [label]), /not a label/);
  register(METRICS.ejections, ['service'])();
  assert.throws(register(METRICS.ejections, ['service']), /weft_ejections_total is there already/);
});

test('an unread scrape lets go of the collector it was in', () => {
  const telemetry = quiet();
  let isReleased = false;
  telemetry.registerGauge(METRICS.endpoints, 'Endpoints.', ['service'], function* () {
    try {
      for (let index = 0; ; index += 1) yield [[`${index}`.padEnd(250, 'x')], index];
    } finally {
      isReleased = true;
    }
  });
  for (const slice of telemetry.slices()) if (slice.includes('weft_endpoints{')) break;
  assert.equal(isReleased, true);
});

test('the parser of these tests takes none of what Prometheus would refuse', () => {
  const head = '# HELP a A.\n# TYPE a gauge\n';
  const histogram = '# HELP h H.\n# TYPE h histogram\n';
  const refused = [
    `${head}a 1`,
    `${head}a{b="c} 1\n`,
    `${head}a{b="c\\d"} 1\n`,
    `${head}a{b="1",b="2"} 1\n`,
    `${head}a{b="1"} 1\na{b="1"} 2\n`,
    `${head}a one\n`,
    `${head}c 1\n`,
    'a 1\n',
    `${head}${head}`,
    `${head}a{b="1"} 1\n# HELP c C.\n# TYPE c gauge\na{b="2"} 1\n`,
    '# TYPE a gauge\na 1\n',
    `${histogram}h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n`,
    `${histogram}h_bucket{le="+Inf"} 1\nh_sum 1\nh_count 2\n`,
    `${histogram}h_bucket{le="+Inf"} 1\nh_count 1\n`,
  ];
  for (const text of refused) assert.throws(() => parseExposition(text), Error, text);
  assert.equal(parseExposition(`${head}a{b="c"} 1e+21\na -Inf\n`).get('a')!.samples.length, 2);
});

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { METRICS, type MetricName } from '../../api/metrics.ts';
import { ControlMetrics } from '../admin/metrics.ts';
import { FakeState, proxyConfig } from '../testing/fake-state.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { AccessLog } from './access-log.ts';
import { parseExposition } from './exposition.fixture.ts';
import { Telemetry } from './telemetry.ts';
import { Tracing } from './tracing.ts';

const PAGE = new URL('../../docs/reference/metrics.md', import.meta.url);
const NAMES: ReadonlySet<string> = new Set(Object.values(METRICS));

/** Kept by the parts that balance and accept, which register them. */
const REGISTERED: ReadonlySet<string> = new Set<MetricName>([
  METRICS.connectionsOpen,
  METRICS.circuitBreakerOpen,
  METRICS.endpoints,
  METRICS.ejections,
  METRICS.mirrored,
]);

const page = await readFile(PAGE, 'utf8');
const rows = page.split('\n').filter((row) => /^\| `(weft|process)_/.test(row));
const queries = [...page.matchAll(/```promql\n(.*?)```/gs)].map(([, query]) => query!).join('\n');

/** Type and labels of what a running sidecar shows by itself. */
function rendered() {
  const nobody = {
    source: { workload: 'a', namespace: 'b' },
    destination: { workload: 'c', namespace: 'd' },
  };
  const parties = { ...nobody, service: 's' };
  const telemetry = new Telemetry(new AccessLog({ write: () => true, once: () => undefined as never }));
  telemetry.requestMeter('inbound', parties, 'http1', '', true).record(200, 1);
  telemetry.requestMeter('inbound', parties, 'grpc', '', true).recordGrpc(0);
  telemetry.tcp('inbound', parties, true).bytes('sent', 1);
  telemetry.retry('outbound', { name: 's', namespace: 'n' }, 'connect');
  telemetry.error('inbound', 'denied');
  telemetry.authorization({ allowed: true, policy: '', rule: 'default' }, 'Enforce');
  telemetry.rateLimited('shop/api', 'per-caller');
  telemetry.passthrough('outside');
  telemetry.egress('shop/web').allowed.add(1);
  telemetry.connectionRefused('inbound');
  const timers = new FakeTimers();
  const tracing = new Tracing({ telemetry, timers, random: () => 0 });
  tracing.prepare(
    proxyConfig('web', { telemetry: { tracing: { endpoint: 'http://127.0.0.1:1', samplePercent: 1 } } }),
  );
  const state = new FakeState({ notAfterMs: 1_000 } as never);
  state.config = { version: { hash: 'h', policies: {} } } as never;
  const control = new ControlMetrics({
    ...{ state, rejected: { mount: 1 }, streamIsUp: () => true, destinationsKnown: () => 1 },
    nowMs: () => 0,
  });
  control.stop();
  return parseExposition(telemetry.renderAll() + control.render());
}

test('the page names every metric of the contract once, in a table, and in a query', () => {
  const described = rows.map((row) => /`([^`]+)`/.exec(row)![1]!);
  assert.deepEqual(described.toSorted(), [...NAMES].toSorted());
  const queried = new Set(queries.match(/(?:weft|process)_[a-z_]+/g)!.map(familyOf));
  assert.deepEqual([...queried].toSorted(), [...NAMES].toSorted());
});

test('a sidecar shows what the page says, with its type, and nothing else', () => {
  const families = rendered();
  assert.deepEqual(
    [...families.keys()].toSorted(),
    [...NAMES].filter((name) => !REGISTERED.has(name)).toSorted(),
  );
  for (const { name, type, samples } of families.values()) {
    const row = rows.find((candidate) => candidate.startsWith(`| \`${name}\` `))!;
    assert.ok(row.includes(`| ${type} |`), `${name} is a ${type}`);
    assert.ok(samples.length > 0, `${name} was counted`);
  }
});

test('every label that is shown is on the page', () => {
  for (const { name, samples } of rendered().values()) {
    for (const label of samples[0]!.labels.keys()) {
      if (label !== 'le') assert.ok(page.includes(`\`${label}\``), `${label} of ${name}`);
    }
  }
});

test('every label a query asks for is on the page', () => {
  const asked = queries.match(/[a-z_]+(?==~?")/g)!;
  assert.ok(asked.length > 5);
  for (const label of asked) assert.ok(page.includes(`\`${label}\``), label);
});

function familyOf(name: string): string {
  return name.replace(/_(bucket|sum|count)$/, '');
}

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { AccessLog } from './access-log.ts';
import { Edges } from './edges.ts';
import { NOBODY, type Parties } from './parties.ts';
import { Telemetry } from './telemetry.ts';

test('callers cannot make the list of edges grow without end', () => {
  const edges = new Edges();
  const parties = (name: number): Parties => ({
    source: { workload: `w${name}`, namespace: 'n' },
    destination: NOBODY,
    service: '',
  });
  for (let name = 0; name < 3_000; name += 1) edges.get('inbound', parties(name), true).allowed += 1;
  const list = edges.list();
  assert.equal(list.length, 1_001);
  assert.equal(list.find(({ source }) => source === 'other')?.allowed, 2_000);
  assert.equal(edges.overflows, 2_000);
});

test('an edge tells who, and what is not known', () => {
  const edges = new Edges();
  const source = { workload: 'web', namespace: 'shop' };
  edges.get('outbound', { source, destination: NOBODY, service: 's' }, false).errors += 2;
  assert.deepEqual(edges.list(), [
    {
      ...{ direction: 'outbound', source: 'shop/web', destination: 'unknown', service: 's' },
      ...{ encrypted: false, allowed: 0, denied: 0, errors: 2 },
    },
  ]);
});

class SlowOutput extends EventEmitter {
  readonly lines: string[] = [];
  taking = true;
  write(line: string): boolean {
    this.lines.push(line);
    return this.taking;
  }
}
const entry = (path: string) =>
  ({ time: 't', direction: 'inbound', caller: 'c', path, durationMs: 1 }) as const;

test('the access log drops lines while nobody reads, and says how many', () => {
  const output = new SlowOutput();
  const log = new AccessLog(output as never);
  output.taking = false;
  for (const path of ['/1', '/2', '/3']) log.write(entry(path));
  assert.equal(output.lines.length, 1);
  output.taking = true;
  output.emit('drain');
  log.write(entry('/4'));
  assert.deepEqual(
    output.lines.map((line) => JSON.parse(line)).map(({ path, dropped }) => [path, dropped]),
    [
      ['/1', undefined],
      ['/4', 2],
    ],
  );
});

test('lines of the access log that nobody read are counted for good', () => {
  const output = new SlowOutput();
  const log = new AccessLog(output as never);
  const telemetry = new Telemetry(log);
  output.taking = false;
  for (const path of ['/1', '/2', '/3']) telemetry.access(entry(path));
  assert.match(telemetry.renderAll(), /^weft_access_log_dropped_total 2$/m);
});

test('the access log bounds what a client can write into it', () => {
  const output = new SlowOutput();
  new AccessLog(output as never).write(entry(`/${'a'.repeat(10_000)}`));
  assert.ok(output.lines[0]!.length < 1_000);
});

test('an open connection is counted until it closes, its bytes for good', () => {
  const telemetry = new Telemetry(new AccessLog(new SlowOutput() as never));
  const meter = telemetry.tcp('outbound', { source: NOBODY, destination: NOBODY, service: 's' }, true);
  meter.bytes('sent', 5);
  assert.match(telemetry.renderAll(), /^weft_tcp_connections_open\{.*service="s",mtls="true"\} 1$/m);
  meter.close();
  // both ends may report the end
  meter.close();
  assert.match(telemetry.renderAll(), /^weft_tcp_connections_open\{.*service="s",mtls="true"\} 0$/m);
  assert.match(telemetry.renderAll(), /^weft_tcp_bytes_total\{.*flow="sent"\} 5$/m);
});

const quiet = () => new Telemetry(new AccessLog(new SlowOutput() as never));

test('a verdict is counted by its names, whether its decision was seen before or compiled anew', () => {
  const telemetry = quiet();
  const decision = () => ({ allowed: false, policy: 'shop/api', rule: 'no-admin' });
  const known = decision();
  for (const verdict of [known, known, decision()]) telemetry.authorization(verdict, 'Enforce');
  telemetry.authorization(known, 'Audit');
  const labels = 'verdict="denied",policy="shop/api",rule="no-admin"';
  const text = telemetry.renderAll();
  assert.ok(text.includes(`weft_authorization_total{${labels},mode="Enforce"} 3\n`));
  assert.ok(text.includes(`weft_authorization_total{${labels},mode="Audit"} 1\n`));
});

test('errors, retries, pass-throughs and refused connections are counted by their labels', () => {
  const telemetry = quiet();
  for (const direction of ['inbound', 'outbound', 'outbound'] as const) {
    telemetry.error(direction, 'timeout');
    telemetry.connectionRefused(direction);
    telemetry.retry(direction, { name: 'api', namespace: 'shop' }, 'connect');
  }
  telemetry.passthrough('outside');
  const text = telemetry.renderAll();
  for (const line of [
    'weft_errors_total{direction="inbound",code="timeout"} 1',
    'weft_errors_total{direction="outbound",code="timeout"} 2',
    'weft_connections_refused_total{direction="outbound"} 2',
    'weft_retries_total{direction="outbound",service="api",destination_namespace="shop",reason="connect"} 2',
    'weft_passthrough_total{reason="outside"} 1',
  ]) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
});

test('a request reported without a meter is counted as one without a route', () => {
  const telemetry = quiet();
  telemetry
    .requestMeter('inbound', { source: NOBODY, destination: NOBODY, service: '' }, 'http1', '', false)
    .record(404, 2);
  assert.match(
    telemetry.renderAll(),
    /^weft_requests_total\{direction="inbound",.*route="",protocol="http1",mtls="false",status_class="4xx"\} 1$/m,
  );
});

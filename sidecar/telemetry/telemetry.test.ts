import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { AccessLog } from './access-log.ts';
import { Edges } from './edges.ts';
import { NOBODY, type Parties } from './parties.ts';
import { renderCounters, renderHistograms } from './prometheus.ts';
import { counters, Family, histograms } from './series.ts';
import { Telemetry } from './telemetry.ts';

test('series beyond the bound are counted together under other', () => {
  const family = new Family('x_total', 'X.', ['a'], () => ({ value: 0 }), 2);
  for (const name of ['one', 'two', 'three', 'four', 'one']) family.get(name).value += 1;
  assert.equal(
    renderCounters(family, 'counter'),
    '# HELP x_total X.\n# TYPE x_total counter\nx_total{a="one"} 2\nx_total{a="two"} 1\nx_total{a="other"} 2\n',
  );
});

test('label values are escaped, so that none can end its line', () => {
  const family = counters('x_total', 'X.', ['a']);
  family.get('q"\\\n').value += 1;
  assert.match(renderCounters(family, 'counter'), /^x_total\{a="q\\"\\\\\\n"\} 1$/m);
});

test('a histogram is rendered cumulative, with sum and count', () => {
  const family = histograms('d_seconds', 'D.', ['a']);
  for (const seconds of [0.001, 0.002, 60]) family.get('x').observe(seconds);
  const text = renderHistograms(family);
  assert.match(text, /^d_seconds_bucket\{a="x",le="0.001"\} 1$/m);
  assert.match(text, /^d_seconds_bucket\{a="x",le="0.0025"\} 2$/m);
  assert.match(text, /^d_seconds_bucket\{a="x",le="10"\} 2$/m);
  assert.match(text, /^d_seconds_bucket\{a="x",le="\+Inf"\} 3$/m);
  assert.match(text, /^d_seconds_sum\{a="x"\} 60.003$/m);
  assert.match(text, /^d_seconds_count\{a="x"\} 3$/m);
});

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

test('the access log bounds what a client can write into it', () => {
  const output = new SlowOutput();
  new AccessLog(output as never).write(entry(`/${'a'.repeat(10_000)}`));
  assert.ok(output.lines[0]!.length < 1_000);
});

test('an open connection is counted until it closes, its bytes for good', () => {
  const telemetry = new Telemetry(new AccessLog(new SlowOutput() as never));
  const meter = telemetry.tcp('outbound', { source: NOBODY, destination: NOBODY, service: 's' }, true);
  meter.bytes('sent', 5);
  assert.match(telemetry.render(), /^weft_tcp_connections_open\{.*service="s",mtls="true"\} 1$/m);
  meter.close();
  assert.match(telemetry.render(), /^weft_tcp_connections_open\{.*service="s",mtls="true"\} 0$/m);
  assert.match(telemetry.render(), /^weft_tcp_bytes_total\{.*flow="sent"\} 5$/m);
});

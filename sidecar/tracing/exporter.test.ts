import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpanCounts } from '../telemetry/span-counts.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import type { Delivery } from './collector-client.ts';
import { MAX_BATCH, MAX_QUEUED, SpanExporter } from './exporter.ts';
import { SPAN_KIND, type Span } from './span.ts';

const span = (name: string): Span => ({
  ...{ traceId: '1'.repeat(32), spanId: '2'.repeat(16), parentId: '', name, kind: SPAN_KIND.server },
  ...{ startMs: 1, durationMs: 1, attributes: [], isError: false, message: '' },
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A collector that a test answers for. */
class FakeCollector {
  readonly bodies: string[] = [];
  #done: ((delivery: Delivery) => void) | undefined;
  closed = false;

  readonly client = {
    deliver: (body: string, done: (delivery: Delivery) => void) => {
      assert.equal(this.#done, undefined, 'one batch at a time');
      this.bodies.push(body);
      this.#done = done;
      return () => this.answer({ type: 'unreachable' });
    },
    close: () => {
      this.closed = true;
    },
  };

  answer(delivery: Delivery): void {
    const done = this.#done;
    this.#done = undefined;
    assert.ok(done, 'there is something to answer');
    done(delivery);
  }

  namesOf(index: number): string[] {
    const { resourceSpans } = JSON.parse(this.bodies[index]!);
    return resourceSpans[0].scopeSpans[0].spans.map(({ name }: { name: string }) => name);
  }
}

function exporterOf(random = () => 0) {
  const timers = new FakeTimers();
  const collector = new FakeCollector();
  const counts: SpanCounts = { exported: 0, dropped: { 'queue-full': 0, refused: 0, unreachable: 0 } };
  const exporter = new SpanExporter({ client: collector.client, resource: [], counts, timers, random });
  return { timers, collector, counts, exporter };
}
const ACCEPTED: Delivery = { type: 'accepted', rejectedSpans: 0 };
const BUSY: Delivery = { type: 'busy', afterMs: undefined };

test('spans are sent together, a second after the first', async () => {
  const { timers, collector, counts, exporter } = exporterOf();
  for (const name of ['a', 'b']) exporter.add(span(name));
  timers.advance(999);
  await turn();
  assert.equal(collector.bodies.length, 0);
  timers.advance(1);
  await turn();
  assert.deepEqual(collector.namesOf(0), ['a', 'b']);
  collector.answer(ACCEPTED);
  assert.equal(counts.exported, 2);
  assert.equal(timers.pending, 0);
});

test('a full batch does not wait, and what comes meanwhile goes with the next one', async () => {
  const { timers, collector, counts, exporter } = exporterOf();
  for (let count = 0; count < MAX_BATCH + 1; count += 1) exporter.add(span(String(count)));
  await turn();
  assert.equal(collector.namesOf(0).length, MAX_BATCH);
  collector.answer(ACCEPTED);
  await turn();
  assert.equal(collector.bodies.length, 1);
  timers.advance(1_000);
  await turn();
  assert.deepEqual(collector.namesOf(1), [String(MAX_BATCH)]);
  collector.answer(ACCEPTED);
  assert.equal(counts.exported, MAX_BATCH + 1);
});

test('the queue is bounded: what finds no room is dropped and counted', async () => {
  const { collector, counts, exporter } = exporterOf();
  for (let count = 0; count < MAX_BATCH + MAX_QUEUED + 7; count += 1) exporter.add(span('a'));
  await turn();
  assert.equal(collector.bodies.length, 1);
  assert.deepEqual(counts, { exported: 0, dropped: { 'queue-full': 7, refused: 0, unreachable: 0 } });
});

test('a collector that is busy or away is tried again, later and later, five times', async () => {
  const { timers, collector, counts, exporter } = exporterOf(() => 1);
  exporter.add(span('a'));
  timers.advance(1_000);
  await turn();
  const waitsMs: number[] = [];
  for (let attempt = 1; attempt < 5; attempt += 1) {
    collector.answer(attempt % 2 === 0 ? BUSY : { type: 'unreachable' });
    const beforeMs = timers.nowMs();
    while (collector.bodies.length === attempt) timers.advance(100);
    waitsMs.push(timers.nowMs() - beforeMs);
  }
  assert.deepEqual(waitsMs, [1_000, 2_000, 4_000, 8_000]);
  collector.answer(BUSY);
  assert.equal(counts.dropped.unreachable, 1);
  assert.equal(new Set(collector.bodies).size, 1);
  assert.equal(timers.pending, 0);
});

test('Retry-After is obeyed, as long as it is no more than half a minute', async () => {
  for (const [afterMs, waitMs] of [
    [7_000, 7_000],
    [86_400_000, 30_000],
  ] as const) {
    const { timers, collector, exporter } = exporterOf();
    exporter.add(span('a'));
    timers.advance(1_000);
    await turn();
    collector.answer({ type: 'busy', afterMs });
    timers.advance(waitMs - 1);
    assert.equal(collector.bodies.length, 1);
    timers.advance(1);
    assert.equal(collector.bodies.length, 2);
  }
});

test('what a collector refuses, as a whole or in part, is dropped and counted, not sent again', async () => {
  const { timers, collector, counts, exporter } = exporterOf();
  for (const delivery of [{ type: 'refused' }, { type: 'accepted', rejectedSpans: 1 }] as const) {
    for (const name of ['a', 'b', 'c']) exporter.add(span(name));
    timers.advance(1_000);
    await turn();
    collector.answer(delivery);
  }
  exporter.add(span('d'));
  timers.advance(1_000);
  await turn();
  // more than there were
  collector.answer({ type: 'accepted', rejectedSpans: 1_000 });
  assert.deepEqual(counts, { exported: 2, dropped: { 'queue-full': 0, refused: 5, unreachable: 0 } });
  assert.equal(collector.bodies.length, 3);
});

test('a flush sends everything, batch after batch, and ends when the last is taken', async () => {
  const { collector, counts, exporter } = exporterOf();
  for (let count = 0; count < MAX_BATCH + 1; count += 1) exporter.add(span('a'));
  const flushed = exporter.flush(10_000);
  for (let batch = 0; batch < 2; batch += 1) {
    await turn();
    collector.answer(ACCEPTED);
  }
  await flushed;
  assert.equal(counts.exported, MAX_BATCH + 1);
  exporter.add(span('b'));
  assert.equal(collector.bodies.length, 2);
});

test('a flush does not wait for a collector that is away: once more at once, then it is given up', async () => {
  const { timers, collector, counts, exporter } = exporterOf();
  exporter.add(span('a'));
  timers.advance(1_000);
  await turn();
  collector.answer({ type: 'unreachable' });
  const flushed = exporter.flush(10_000);
  assert.equal(collector.bodies.length, 2);
  collector.answer({ type: 'unreachable' });
  await flushed;
  assert.equal(counts.dropped.unreachable, 1);
  assert.equal(timers.pending, 0);
});

test('closing is bounded: what a silent collector has not taken by then is dropped and counted', async () => {
  const { timers, collector, counts, exporter } = exporterOf();
  for (let count = 0; count < MAX_BATCH + 2; count += 1) exporter.add(span('a'));
  const closed = exporter.close(2_000);
  await turn();
  timers.advance(2_000);
  await closed;
  exporter.add(span('too late'));
  assert.deepEqual(counts.dropped, { 'queue-full': 0, refused: 0, unreachable: MAX_BATCH + 3 });
  assert.deepEqual([collector.closed, collector.bodies.length, timers.pending], [true, 1, 0]);
});

test('closing with nothing to send is immediate', async () => {
  const { timers, collector, exporter } = exporterOf();
  await exporter.close(2_000);
  assert.deepEqual([collector.closed, collector.bodies.length, timers.pending], [true, 0, 0]);
});

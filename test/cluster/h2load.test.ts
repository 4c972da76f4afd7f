import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SILENT } from './h2load.fixture.ts';
import { type Ended, isSettled, readLog, tally } from './h2load.ts';

const START_US = 1_795_298_572_000_000;
const SECOND_US = 1_000_000;
const SPAN = { fromUs: START_US, untilUs: START_US + 10 * SECOND_US };

/** Begins so many seconds after the span does. */
const request = (atSeconds: number, tookMs = 20, status = 200): Ended => ({
  startUs: START_US + atSeconds * SECOND_US,
  status,
  durationUs: tookMs * 1_000,
});
/** Of an open loop: one each second, the last after the span. */
const PACE = 1;
const paced = () => Array.from({ length: 12 }, (_, second) => request(second + 0.5));

describe('the log of h2load', () => {
  it('is read with the time at which it was, by generator', () => {
    const log = readLog(`${START_US}\napi-h1 ${START_US} 200 25546\nwide-h2 ${START_US} -1 7\n`);
    assert.deepEqual(log, {
      nowUs: START_US,
      ended: {
        'api-h1': [{ startUs: START_US, status: 200, durationUs: 25_546 }],
        'wide-h2': [{ startUs: START_US, status: -1, durationUs: 7 }],
      },
    });
    assert.deepEqual(readLog(`${START_US}\n`).ended, {});
  });

  for (const text of ['', 'awk: no such file', `${START_US}\napi-h1 1 200`, `${START_US}\napi-h1 1 x 2`]) {
    it(`is none when it says ${JSON.stringify(text)}`, () => {
      assert.throws(() => readLog(text), /no time|no line of h2load/);
    });
  }

  it('counts what was under way at some time of the span, and nothing else', () => {
    const ended = [request(-2), request(-1, 1_500), request(0), request(9.9, 5_000), request(11)];
    const { sent, answered, failed, failures } = tally(ended, SPAN);
    assert.deepEqual([sent, answered, failed, failures], [3, 3, 0, {}]);
  });

  it('names each failure by its status, or by what there was instead', () => {
    const statuses = [200, 503, 503, -1, SILENT];
    const ended = [...statuses.map((status, i) => request(i, 20, status)), request(11)];
    const { sent, answered, failed, failures } = tally(ended, SPAN);
    assert.deepEqual([sent, answered, failed], [5, 1, 4]);
    assert.deepEqual(failures, { 503: 2, reset: 1, silence: 1 });
  });

  it('says how long answers took, those of failures not counted', () => {
    const ended = Array.from({ length: 100 }, (_, i) => request(i / 100, i + 1));
    const { p50Ms, p99Ms, slowestMs } = tally([...ended, request(2, 9_000, 503)], SPAN);
    assert.deepEqual([p50Ms, p99Ms, slowestMs], [50, 99, 100]);
    assert.equal(tally([], SPAN).p50Ms, 0);
  });

  it('takes a generator that is silent to the end for one that got no answer', () => {
    assert.deepEqual(tally([request(1), request(2)], SPAN).failures, { 'no answer': 1 });
    assert.deepEqual(tally([], SPAN).failures, { 'no answer': 1 });
    assert.deepEqual(tally([request(1), request(11)], SPAN).failures, {});
  });

  it('misses requests of an open loop that have not ended', () => {
    assert.deepEqual(tally(paced(), SPAN, PACE).failures, {});
    const [, , , , , ...late] = paced();
    const hanging = [...paced().slice(0, 2), ...late];
    assert.deepEqual(tally(hanging, SPAN, PACE).failures, { 'no answer': 2 });
  });

  it('does not miss requests that were sent late, and at once', () => {
    const burst = paced().map((each, i) => (i > 2 && i < 6 ? request(6.4) : each));
    assert.deepEqual(tally(burst, SPAN, PACE).failures, {});
  });

  it('is settled when a later request has ended, and none is missed', () => {
    assert.equal(isSettled(paced(), SPAN, PACE), true);
    assert.equal(isSettled(paced().slice(0, 10), SPAN, PACE), false);
    assert.equal(isSettled([...paced().slice(0, 2), ...paced().slice(6)], SPAN, PACE), false);
    assert.equal(isSettled([], SPAN), false);
    assert.equal(isSettled([request(11)], SPAN), true);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Sample, settled, trendOf, verdictOf } from './trend.ts';

const series = (count: number, kib: (minute: number, index: number) => number): Sample[] =>
  Array.from({ length: count }, (_, index) => ({ minutes: index / 12, kib: kib(index / 12, index) }));

test('a line has its slope, and no doubt', () => {
  const trend = trendOf(series(120, (minute) => 80_000 + 300 * minute));
  assert.ok(Math.abs(trend.slopeKibPerMinute - 300) < 1e-6);
  assert.ok(trend.confidenceKibPerMinute < 1e-6);
  assert.equal(verdictOf(trend), 'grows');
});

test('a saw-tooth around one value is flat', () => {
  const trend = trendOf(series(1_200, (_minute, index) => 80_000 + (index % 7) * 100));
  assert.ok(Math.abs(trend.slopeKibPerMinute) <= trend.confidenceKibPerMinute);
  assert.equal(verdictOf(trend), 'flat');
});

test('memory that is given back is flat', () => {
  assert.equal(verdictOf(trendOf(series(100, (minute) => 80_000 - 500 * minute))), 'flat');
});

test('a slope that noise could hide is not called flat', () => {
  const noisy = series(24, (minute, index) => 80_000 + 200 * minute + (index % 2 === 0 ? 9_000 : -9_000));
  assert.equal(verdictOf(trendOf(noisy)), 'unknown');
});

test('two samples say nothing, nor do samples of one moment', () => {
  assert.equal(verdictOf(trendOf(series(2, (minute) => 80_000 + minute * 1e6))), 'unknown');
  const at = { minutes: 1, kib: 5 };
  assert.equal(trendOf([at, at, at]).confidenceKibPerMinute, Number.POSITIVE_INFINITY);
});

test('the beginning is left out', () => {
  assert.deepEqual(
    settled(series(10, () => 1)).map(({ minutes }) => Math.round(minutes * 12)),
    [4, 5, 6, 7, 8, 9],
  );
});

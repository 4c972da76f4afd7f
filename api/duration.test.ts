import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs } from './duration.ts';

test('durations are read as milliseconds', () => {
  assert.equal(durationMs('250ms'), 250);
  assert.equal(durationMs('2s'), 2000);
  assert.equal(durationMs('1m30s'), 90_000);
  assert.equal(durationMs('24h'), 86_400_000);
  assert.equal(durationMs('0s'), 0);
  assert.equal(durationMs('1h1h'), 7_200_000);
});

for (const text of ['', '10', '1.5s', '-1s', '1d', ' 1s', '1s\n', '123456s', '1s1s1s1s1s', 's']) {
  test(`${JSON.stringify(text)} is no duration`, () => assert.ok(Number.isNaN(durationMs(text))));
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessLogMode } from './access-log-mode.ts';

function wants(accessLog: Parameters<AccessLogMode['set']>[0], random = 0.5) {
  const mode = new AccessLogMode(() => random);
  mode.set(accessLog);
  return { good: mode.wants(false), failed: mode.wants(true) };
}

test('each mode has its lines; without one errors are logged', () => {
  assert.deepEqual(wants(undefined), { good: false, failed: true });
  assert.deepEqual(wants({ mode: 'Errors' }), { good: false, failed: true });
  assert.deepEqual(wants({ mode: 'Disabled' }), { good: false, failed: false });
  assert.deepEqual(wants({ mode: 'All' }), { good: true, failed: true });
});

test('a sampled log has every error and the share of the rest that was asked for', () => {
  assert.deepEqual(wants({ mode: 'Sampled', samplePercent: 10 }, 0.099), { good: true, failed: true });
  assert.deepEqual(wants({ mode: 'Sampled', samplePercent: 10 }, 0.1), { good: false, failed: true });
  assert.deepEqual(wants({ mode: 'Sampled', samplePercent: 100 }, 0.999), { good: true, failed: true });
  assert.deepEqual(wants({ mode: 'Sampled', samplePercent: 0 }, 0), { good: false, failed: true });
  assert.deepEqual(wants({ mode: 'Sampled' }, 0.009), { good: true, failed: true });
  assert.deepEqual(wants({ mode: 'Sampled' }, 0.01), { good: false, failed: true });
});

test('before there is a policy errors are logged, and what one said is forgotten with the next', () => {
  const mode = new AccessLogMode(() => 0);
  assert.deepEqual([mode.wants(false), mode.wants(true)], [false, true]);
  mode.set({ mode: 'All' });
  mode.set(undefined);
  assert.equal(mode.wants(false), false);
});

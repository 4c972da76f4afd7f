import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RateLimit } from '../../api/proxy-config.ts';
import { rateLimitFields } from './rate-limit-fields.ts';

const limit = (part: Partial<RateLimit> = {}): RateLimit => ({
  policy: 'shop/api',
  name: 'per-caller',
  requests: 100,
  perMs: 1_000,
  burst: 0,
  key: { type: 'Source' },
  ...part,
});
const text = (...states: Parameters<typeof rateLimitFields>[0]) =>
  rateLimitFields(states).map(([name, value]) => `${name}: ${value}`);

test('seconds are rounded up', () => {
  assert.deepEqual(text({ limit: limit(), waitMs: 0.01 }), [
    'Retry-After: 1',
    'RateLimit-Policy: "per-caller";q=100;w=1',
    'RateLimit: "per-caller";r=0;t=1',
  ]);
  assert.equal(text({ limit: limit(), waitMs: 2_000 })[0], 'Retry-After: 2');
  assert.equal(text({ limit: limit(), waitMs: 2_001 })[0], 'Retry-After: 3');
});

test('every limit is named, only those that refused are said to be used up, and the longest wait counts', () => {
  const states = [
    { limit: limit(), waitMs: 0 },
    { limit: limit({ name: 'all', requests: 5, perMs: 60_000, burst: 3 }), waitMs: 7_500 },
    { limit: limit({ name: 'path' }), waitMs: 10 },
  ];
  assert.deepEqual(text(...states), [
    'Retry-After: 8',
    'RateLimit-Policy: "per-caller";q=100;w=1, "all";q=5;w=60;weft-burst=3, "path";q=100;w=1',
    'RateLimit: "all";r=0;t=8, "path";r=0;t=1',
  ]);
});

test('a window that is no whole number of seconds becomes one, at the same rate', () => {
  const policy = (requests: number, perMs: number) =>
    text({ limit: limit({ requests, perMs }), waitMs: 1 })[1]!.split(': ')[1];
  assert.equal(policy(10, 100), '"per-caller";q=100;w=1');
  assert.equal(policy(3, 1_500), '"per-caller";q=4;w=2');
  assert.equal(policy(1, 86_400_000), '"per-caller";q=1;w=86400');
});

test('a name cannot end the field or begin another', () => {
  const [, policy] = text({ limit: limit({ name: 'a"\\b\r\nSet-Cookie: c=é' }), waitMs: 1 });
  assert.equal(policy, 'RateLimit-Policy: "a\\"\\\\b??Set-Cookie: c=?";q=100;w=1');
});

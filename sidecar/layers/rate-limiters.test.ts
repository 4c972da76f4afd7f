import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProxyConfig, RateLimit } from '../../api/proxy-config.ts';
import { proxyConfig } from '../testing/fake-state.ts';
import { RateLimiters } from './rate-limiters.ts';

const limit = (part: Partial<RateLimit> = {}): RateLimit => ({
  policy: 'shop/api',
  name: 'a',
  requests: 1,
  perMs: 1_000,
  burst: 0,
  key: { type: 'Global' },
  ...part,
});
const config = (...rateLimits: RateLimit[]): ProxyConfig =>
  proxyConfig('api', {
    inbound: { ports: [{ mtls: 'Permissive', authorizationDefault: 'Allow' }], rules: [], rateLimits },
  });

test('a limit goes on with what it has counted, wherever in the list it is', () => {
  const before = new RateLimiters(config(limit()), undefined, 1);
  const after = new RateLimiters(config(limit({ name: 'other' }), limit()), before, 1);
  assert.equal(after.of([1])![0], before.of([0])![0]);
  assert.notEqual(after.of([0])![0], before.of([0])![0]);
});

test('a limit that says something else begins anew', () => {
  const before = new RateLimiters(config(limit()), undefined, 1);
  const others: Partial<RateLimit>[] = [
    { policy: 'shop/other' },
    { name: 'b' },
    { requests: 2 },
    { perMs: 2_000 },
    { burst: 1 },
    { key: { type: 'Path' } },
    { key: { type: 'Header', header: 'x-user' } },
  ];
  for (const part of others) {
    const after = new RateLimiters(config(limit(part)), before, 1);
    assert.notEqual(after.of([0])![0], before.of([0])![0], JSON.stringify(part));
  }
});

test('a limit that is named twice counts a request once', () => {
  const limiters = new RateLimiters(config(limit(), limit()), undefined, 1);
  assert.equal(limiters.of([0, 1, 0])!.length, 1);
});

test('no limits are none', () => {
  const none = new RateLimiters(config(), undefined, 1);
  assert.equal(none.of(undefined), undefined);
  assert.equal(none.of([]), undefined);
});

test('a limit that cannot be enforced is refused', () => {
  assert.throws(() => new RateLimiters(config(limit()), undefined, 1).of([1]), /has no 1/);
  const headless = limit({ key: { type: 'Header' } });
  assert.throws(() => new RateLimiters(config(headless), undefined, 1), /rate limit a of shop\/api/);
});

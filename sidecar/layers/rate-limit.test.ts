import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RateLimit } from '../../api/proxy-config.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { FakeTimers } from '../testing/fake-timers.ts';
import { anonymous, type Caller } from './caller.ts';
import { RateLimiter, rateLimit } from './rate-limit.ts';

const LIMIT: RateLimit = {
  ...{ policy: 'shop/l', name: 'one', requests: 1, perMs: 60_000, burst: 0 },
  key: { type: 'Source' },
};

/** How often requests were let in that came one after the other, each over a connection of its own. */
function admitted(limiter: RateLimiter, callers: readonly Caller[]): number {
  let count = 0;
  const telemetry = { rateLimited() {} } as unknown as Telemetry;
  const exchange = { head: {}, trail: {}, answer() {} } as unknown as Exchange;
  for (const caller of callers) {
    const options = { limiters: [limiter], caller, telemetry, timers: new FakeTimers() };
    rateLimit(options)(() => {
      count += 1;
    })(exchange);
  }
  return count;
}
const at = (...addresses: string[]) => addresses.map(anonymous);

test('callers without identity are told apart by their IPv4 address', () => {
  assert.equal(admitted(new RateLimiter(LIMIT, 1), at('10.0.0.1', '10.0.0.2', '10.0.0.1')), 2);
});

test('who has a whole IPv6 network is one caller, whichever address each request comes from', () => {
  const addresses = Array.from({ length: 50 }, (_, n) => `2001:db8:0:7::${(n * 7919).toString(16)}`);
  assert.equal(admitted(new RateLimiter(LIMIT, 1), at(...addresses)), 1);
  assert.equal(admitted(new RateLimiter(LIMIT, 1), at('2001:db8:0:7::1', '2001:db8:0:8::1')), 2);
});

test('an identity has its own budget, also in a network that others have used up', () => {
  const spiffeId = 'spiffe://cluster.local/ns/shop/sa/web';
  const [stranger] = at('2001:db8::1');
  const callers = [stranger!, { ...stranger!, spiffeId }, { ...anonymous('2001:db8:1::1'), spiffeId }];
  assert.equal(admitted(new RateLimiter(LIMIT, 1), callers), 2);
});

test('when the table of keys is full one network is one sender', () => {
  const limiter = new RateLimiter(LIMIT, 1);
  const [one, other, elsewhere] = at('2001:db8:0:7::1', '2001:db8:0:7::2', '2001:db8:0:8::1');
  assert.equal(limiter.sender(one!), limiter.sender(other!));
  assert.notEqual(limiter.sender(one!), limiter.sender(elsewhere!));
});

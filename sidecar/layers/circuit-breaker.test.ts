import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CircuitBreaker,
  CONNECTIONS,
  type Limited,
  PENDING_REQUESTS,
  REQUESTS,
  RETRIES,
} from './circuit-breaker.ts';

const ALL: readonly Limited[] = [CONNECTIONS, PENDING_REQUESTS, REQUESTS, RETRIES];
const policy = { maxConnections: 1, maxPendingRequests: 2, maxRequests: 3, maxRetries: 0 };

function fill(breaker: CircuitBreaker, limited: Limited, tries: number, nowMs = 1): number {
  let entered = 0;
  for (let i = 0; i < tries; i++) if (breaker.tryEnter(limited, nowMs)) entered += 1;
  return entered;
}

test('each limit is its own', () => {
  const breaker = new CircuitBreaker(policy);
  assert.deepEqual(
    ALL.map((limited) => fill(breaker, limited, 5)),
    [1, 2, 3, 0],
  );
  assert.deepEqual(
    breaker.states().map(({ name, active, limit, refused }) => [name, active, limit, refused]),
    [
      ['connections', 1, 1, 4],
      ['pendingRequests', 2, 2, 3],
      ['requests', 3, 3, 2],
      ['retries', 0, 0, 5],
    ],
  );
});

test('it is open since the first refusal, and closed when there is room', () => {
  const breaker = new CircuitBreaker(policy);
  fill(breaker, REQUESTS, 3, 100);
  assert.equal(breaker.openSinceMs(REQUESTS), 0, 'full is not yet open');
  assert.equal(breaker.tryEnter(REQUESTS, 200), false);
  assert.equal(breaker.tryEnter(REQUESTS, 300), false);
  assert.equal(breaker.openSinceMs(REQUESTS), 200);
  breaker.leave(REQUESTS);
  assert.equal(breaker.openSinceMs(REQUESTS), 0);
  assert.equal(breaker.tryEnter(REQUESTS, 400), true);
});

test('limits change while in use: lower ones let nobody in until enough have left', () => {
  const breaker = new CircuitBreaker({ maxRequests: 10 });
  fill(breaker, REQUESTS, 8);
  breaker.update({ maxRequests: 2 });
  assert.equal(breaker.tryEnter(REQUESTS, 1), false);
  for (let i = 0; i < 6; i++) breaker.leave(REQUESTS);
  assert.equal(breaker.tryEnter(REQUESTS, 1), false);
  breaker.leave(REQUESTS);
  assert.equal(breaker.tryEnter(REQUESTS, 1), true);
});

test('a higher limit closes it', () => {
  const breaker = new CircuitBreaker({ maxRetries: 0 });
  assert.equal(breaker.tryEnter(RETRIES, 7), false);
  breaker.update({ maxRetries: 1 });
  assert.equal(breaker.openSinceMs(RETRIES), 0);
  assert.equal(breaker.tryEnter(RETRIES, 8), true);
});

test('without a policy there is a limit all the same', () => {
  const breaker = new CircuitBreaker(undefined);
  for (const limited of ALL) assert.equal(fill(breaker, limited, 10_001), 10_000);
});

test('who leaves without having entered lets nobody in beyond the limit', () => {
  const breaker = new CircuitBreaker({ maxRequests: 2 });
  for (let i = 0; i < 5; i++) breaker.leave(REQUESTS);
  assert.equal(fill(breaker, REQUESTS, 10), 2);
});

type Action = {
  readonly kind: 'enter' | 'leave' | 'limit';
  readonly limited: Limited;
  readonly limit: number;
};

/** What a breaker has to do, written the simple way. */
class Model {
  readonly limits = [3, 3, 3, 3];
  readonly inside = [0, 0, 0, 0];

  apply(breaker: CircuitBreaker, { kind, limited, limit }: Action): void {
    if (kind === 'limit') {
      this.limits[limited] = limit;
      breaker.update(this.policy);
    } else if (kind === 'leave') {
      breaker.leave(limited);
      this.inside[limited] = Math.max(0, this.inside[limited]! - 1);
    } else {
      const hasRoom = this.inside[limited]! < this.limits[limited]!;
      assert.equal(breaker.tryEnter(limited, 1), hasRoom);
      if (hasRoom) this.inside[limited]! += 1;
    }
  }

  get policy() {
    const [maxConnections, maxPendingRequests, maxRequests, maxRetries] = this.limits;
    return {
      maxConnections: maxConnections!,
      maxPendingRequests: maxPendingRequests!,
      maxRequests: maxRequests!,
      maxRetries: maxRetries!,
    };
  }
}

test('counters are never negative nor above the limit in force, and come back to zero', () => {
  const action: fc.Arbitrary<Action> = fc.record({
    limited: fc.constantFrom(...ALL),
    kind: fc.constantFrom('enter', 'leave', 'limit'),
    limit: fc.integer({ min: 1, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const model = new Model();
      const breaker = new CircuitBreaker(model.policy);
      for (const action of actions) {
        model.apply(breaker, action);
        assert.deepEqual(
          ALL.map((limited) => breaker.active(limited)),
          model.inside,
        );
        for (const limited of ALL.filter((one) => breaker.openSinceMs(one) !== 0)) {
          assert.ok(model.inside[limited]! >= model.limits[limited]!);
        }
      }
      for (const limited of ALL) while (breaker.active(limited) > 0) breaker.leave(limited);
      assert.ok(breaker.states().every(({ active, openSinceMs }) => active === 0 && openSinceMs === 0));
    }),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RetryPolicy } from '../../api/destination-traffic.ts';
import { type AttemptFailure, compileRetryPolicy, isIdempotent } from './retry-policy.ts';

const FAILURES: readonly AttemptFailure[] = ['connect', 'reset', 'timeout'];
const STATUSES = [
  100,
  200,
  304,
  404,
  408,
  429,
  499,
  500,
  501,
  502,
  503,
  504,
  505,
  599,
  600,
  999,
  Number.NaN,
  -1,
];

function policy(some: Partial<RetryPolicy>): RetryPolicy {
  return { attempts: 2, conditions: [], ...some };
}

test('without a policy only a request of which nothing was sent is attempted again', () => {
  const compiled = compileRetryPolicy(undefined);
  for (const status of STATUSES) assert.equal(compiled.mayRetryStatus(status, 14), false, String(status));
  for (const failure of FAILURES) assert.equal(compiled.mayRetryFailure(failure, false), true, failure);
  assert.equal(compiled.mayRetryFailure('reset', true), false);
  assert.equal(compiled.mayRetryFailure('timeout', true), false);
  assert.equal(compiled.mayRetryFailure('connect', true), true, 'no connection, nothing sent');
  assert.equal(compiled.attempts, 2);
});

const conditionTable: [
  name: string,
  policy: RetryPolicy,
  statuses: number[],
  reset: boolean,
  timeout: boolean,
][] = [
  ['no condition', policy({}), [], false, false],
  ['ConnectFailure', policy({ conditions: ['ConnectFailure'] }), [], false, false],
  ['Reset', policy({ conditions: ['Reset'] }), [], true, true],
  ['GatewayError', policy({ conditions: ['GatewayError'] }), [502, 503, 504], true, true],
  ['ServerError', policy({ conditions: ['ServerError'] }), [500, 501, 502, 503, 504, 505, 599], true, true],
  ['GrpcUnavailable', policy({ conditions: ['GrpcUnavailable'] }), [], false, false],
  ['code 429', policy({ codes: [429] }), [429], false, false],
  ['code 502', policy({ codes: [502] }), [502], true, false],
  ['code 504', policy({ codes: [504] }), [504], false, true],
];
for (const [name, given, statuses, reset, timeout] of conditionTable) {
  test(`${name} repeats what it says and no more`, () => {
    const compiled = compileRetryPolicy(given);
    const retried = STATUSES.filter((status) => compiled.mayRetryStatus(status, undefined));
    assert.deepEqual(retried, statuses);
    assert.equal(compiled.mayRetryFailure('reset', true), reset);
    assert.equal(compiled.mayRetryFailure('timeout', true), timeout);
    for (const failure of FAILURES) assert.equal(compiled.mayRetryFailure(failure, false), true);
  });
}

test('a gRPC answer is repeated only for UNAVAILABLE, and only when the policy names it', () => {
  const named = compileRetryPolicy(policy({ conditions: ['GrpcUnavailable'] }));
  const others = compileRetryPolicy(policy({ conditions: ['ServerError', 'Reset'] }));
  const repeated = Array.from({ length: 17 }, (_, code) => code).filter((code) =>
    named.mayRetryStatus(200, code),
  );
  assert.deepEqual(repeated, [14]);
  assert.equal(others.mayRetryStatus(200, 14), false);
});

test('no attempts means none, not even after a failed connect', () => {
  const compiled = compileRetryPolicy(
    policy({ attempts: 0, conditions: ['ServerError'], nonIdempotent: true }),
  );
  for (const failure of FAILURES) assert.equal(compiled.mayRetryFailure(failure, false), false);
  for (const status of STATUSES) assert.equal(compiled.mayRetryStatus(status, 14), false);
});

test('idempotent methods are those of RFC 9110 9.2.2, by their exact case', () => {
  const idempotent = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'];
  const others = ['POST', 'PATCH', 'CONNECT', 'PROPFIND', 'get', 'Get', '', 'GET '];
  assert.deepEqual([...idempotent, ...others].filter(isIdempotent), idempotent);
});

test('a POST is allowed only by a policy that says nonIdempotent', () => {
  for (const given of [undefined, policy({ conditions: ['ServerError', 'GrpcUnavailable'] })]) {
    assert.equal(compileRetryPolicy(given).isAllowed('POST'), false);
    assert.equal(compileRetryPolicy(given).isAllowed('PUT'), true);
  }
  assert.equal(compileRetryPolicy(policy({ nonIdempotent: true })).isAllowed('POST'), true);
});

test('the wait doubles with every attempt up to the maximum', () => {
  const compiled = compileRetryPolicy(undefined);
  const longest = [1, 2, 3, 4, 10, 2000].map((attempt) => compiled.backoffMs(attempt, () => 1));
  assert.deepEqual(longest, [50, 100, 200, 250, 250, 250]);
  const shortest = [1, 2, 3].map((attempt) => compiled.backoffMs(attempt, () => 0));
  assert.deepEqual(shortest, [25, 25, 25]);
});

test('a maximum below the base wins, a base of nothing waits for nothing', () => {
  assert.equal(
    compileRetryPolicy(policy({ backoffBaseMs: 100, backoffMaxMs: 10 })).backoffMs(1, () => 0.9),
    10,
  );
  assert.equal(
    compileRetryPolicy(policy({ backoffBaseMs: 0 })).backoffMs(3, () => 0.9),
    0,
  );
});

test('a wait is never shorter than the base nor longer than the maximum', () => {
  const ms = fc.integer({ min: 0, max: 2_147_483_647 });
  const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      ms,
      ms,
      fc.integer({ min: 1, max: 10 }),
      share,
      (backoffBaseMs, backoffMaxMs, attempt, random) => {
        const waitMs = compileRetryPolicy(policy({ backoffBaseMs, backoffMaxMs })).backoffMs(
          attempt,
          () => random,
        );
        assert.ok(waitMs >= Math.min(backoffBaseMs, backoffMaxMs) && waitMs <= backoffMaxMs, String(waitMs));
      },
    ),
  );
});

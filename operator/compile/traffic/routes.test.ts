import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DestinationRoute, RouteMatch } from '../../../api/destination-traffic.ts';
import type { Route } from '../../../api/mesh-policy.ts';
import { assertDestination } from '../../../api/validate.ts';
import type { Workload } from '../../mesh/model.ts';
import { meshOf, policy, service, set, workload } from '../../testing/builders.ts';
import { compileDestination } from '../destination.ts';
import { compareMatches } from './precedence.ts';

const WEB = workload('shop/web', { addresses: ['10.0.1.7', 'fd00::7'] });

function routes(list: Route[], consumer: Workload = WEB): readonly DestinationRoute[] {
  const mesh = meshOf(
    set('Service', service('shop/pay', { ports: [{ name: 'http', port: 80, protocol: undefined }] })),
    set('Policy', policy('shop/p', { target: { kind: 'Service', name: 'pay' }, traffic: { routes: list } })),
  );
  const destination = compileDestination(mesh, 'shop/pay:80', consumer);
  assert.ok(destination !== null);
  assertDestination(destination);
  return destination.traffic?.routes ?? [];
}
function names(list: Route[], consumer?: Workload): string[] {
  return routes(list, consumer).map(({ name }) => name);
}
function only(route: Omit<Route, 'name'>): DestinationRoute {
  const [compiled, ...others] = routes([{ name: 'r', ...route }]);
  assert.equal(others.length, 0);
  return compiled!;
}

const exact = (value: string) => ({ type: 'Exact' as const, value });
const prefix = (value: string) => ({ type: 'PathPrefix' as const, value });
const expression = (value: string) => ({ type: 'RegularExpression' as const, value });
const header = (name: string) => ({ name, value: 'x' });

/** From the first asked to the last, as Gateway API has it. */
const PRECEDENCE: readonly (readonly [string, RouteMatch])[] = [
  ['exact with a method', { path: exact('/a'), methods: ['GET'] }],
  ['exact', { path: exact('/a/much/longer/path') }],
  ['the longest prefix', { path: prefix('/a/b/c') }],
  ['a shorter prefix with a method', { path: prefix('/a/b'), methods: ['GET'] }],
  ['with two headers', { path: prefix('/a/b'), headers: [exactly('x'), exactly('y')] }],
  [
    'with a header and a parameter',
    { path: prefix('/a/b'), headers: [exactly('x')], queryParams: [exactly('q')] },
  ],
  ['with a header', { path: prefix('/a/b'), headers: [exactly('x')] }],
  ['with a parameter', { path: prefix('/a/b'), queryParams: [exactly('q')] }],
  ['the prefix alone', { path: prefix('/a/b/') }],
  ['a short prefix', { path: prefix('/a') }],
  ['a long expression', { path: expression('/a/[0-9]+/b') }],
  ['a short expression', { path: expression('/.*') }],
  ['every path with a method', { path: prefix('/'), methods: ['GET'] }],
  ['any path with a header', { headers: [exactly('x')] }],
  ['everything', {}],
];
function exactly(name: string) {
  return { name, type: 'Exact' as const, value: 'x' };
}

describe('the precedence of matches', () => {
  PRECEDENCE.slice(1).forEach(([name, match], index) => {
    const [before, stronger] = PRECEDENCE[index]!;
    it(`puts ${before} before ${name}`, () => {
      assert.ok(compareMatches(stronger, match) < 0);
      assert.ok(compareMatches(match, stronger) > 0);
    });
  });

  it('is the same whatever the order of the routes, the list breaking ties only', () => {
    const all = PRECEDENCE.map(([name], index) => ({
      name: `r${index}`,
      match: [PRECEDENCE[index]![1]],
      title: name,
    }));
    const list = all.map(({ name, match }) => ({
      name,
      ...(Object.keys(match[0]!).length > 0 && { match }),
    })) as Route[];
    const sorted = list.map(({ name }) => name);
    fc.assert(
      fc.property(fc.shuffledSubarray(list, { minLength: list.length }), (shuffled) =>
        assert.deepEqual(names(shuffled), sorted),
      ),
      { numRuns: 50 },
    );
  });

  it('is a total order: never depends on what else is compared', () => {
    const matches = PRECEDENCE.map(([, match]) => match);
    fc.assert(
      fc.property(
        fc.constantFrom(...matches),
        fc.constantFrom(...matches),
        fc.constantFrom(...matches),
        (a, b, c) => {
          assert.equal(Math.sign(compareMatches(a, b)), -Math.sign(compareMatches(b, a)) + 0);
          if (compareMatches(a, b) <= 0 && compareMatches(b, c) <= 0) assert.ok(compareMatches(a, c) <= 0);
        },
      ),
    );
  });

  it('goes by the list where nothing else decides', () => {
    const list: Route[] = [
      { name: 'b', match: [{ path: prefix('/x') }] },
      { name: 'a', match: [{ path: prefix('/y') }] },
    ];
    assert.deepEqual(names(list), ['b', 'a']);
    assert.deepEqual(names(list.reverse()), ['a', 'b']);
  });
});

describe('routes', () => {
  it('are listed once for each match, under the name and policy of their route', () => {
    const compiled = routes([
      { name: 'a', match: [{ path: prefix('/') }, { path: exact('/x') }], timeout: { attempt: '1s' } },
      { name: 'b', match: [{ path: prefix('/x') }] },
    ]);
    const timeout = { attemptMs: 1000 };
    assert.deepEqual(compiled, [
      { name: 'a', policy: 'shop/p', timeout, match: [{ path: exact('/x') }] },
      { name: 'b', policy: 'shop/p', match: [{ path: prefix('/x') }] },
      { name: 'a', policy: 'shop/p', timeout, match: [{ path: prefix('/') }] },
    ]);
  });

  it('without a match come last and take everything', () => {
    assert.deepEqual(routes([{ name: 'all' }, { name: 'x', match: [{ path: prefix('/x') }] }]).at(-1), {
      name: 'all',
      policy: 'shop/p',
    });
  });

  it('get nothing added for what none takes', () => {
    assert.deepEqual(names([{ name: 'x', match: [{ path: prefix('/x') }] }]), ['x']);
  });

  it('match headers in lower case and parameters as they are', () => {
    const match = [
      {
        headers: [{ name: 'X-A', value: 'B' }],
        queryParams: [{ name: 'Q', value: 'v.*', type: 'RegularExpression' as const }],
        methods: ['GET', 'POST'],
      },
    ];
    assert.deepEqual(only({ match }).match, [
      {
        methods: ['GET', 'POST'],
        headers: [{ name: 'x-a', type: 'Exact', value: 'B' }],
        queryParams: [{ name: 'Q', type: 'RegularExpression', value: 'v.*' }],
      },
    ]);
  });

  for (const [from, fits] of [
    [{ serviceAccount: 'web' }, true],
    [{ serviceAccount: 'batch' }, false],
    [{ serviceAccount: '*' }, true],
    [{ namespace: 'shop' }, true],
    [{ namespace: 'ops' }, false],
    [{ namespace: 'ops', serviceAccount: 'web' }, false],
    [{ namespace: 'shop', serviceAccount: 'web' }, true],
    [{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/web' }, true],
    [{ spiffeId: 'spiffe://other.example/ns/shop/sa/web' }, false],
    [{ ipBlock: '10.0.1.0/24' }, true],
    [{ ipBlock: '10.0.1.7/32' }, true],
    [{ ipBlock: '10.0.2.0/24' }, false],
    [{ ipBlock: 'fd00::/8' }, true],
    [{ ipBlock: 'fe80::/10' }, false],
  ] as const) {
    it(`${fits ? 'hold' : 'do not hold'} for web of shop as a caller ${JSON.stringify(from)}`, () => {
      const list = [{ name: 'a', match: [{ from: [from] }] }, { name: 'b' }] as Route[];
      assert.deepEqual(names(list), fits ? ['a', 'b'] : ['b']);
    });
  }

  it('for a caller have the rest of the match, and no trace of the caller', () => {
    const from = [{ serviceAccount: 'other' }, { serviceAccount: 'web' }];
    assert.deepEqual(only({ match: [{ from, path: prefix('/x') }] }).match, [{ path: prefix('/x') }]);
    assert.equal(only({ match: [{ from }] }).match, undefined);
  });

  it('of which none is for the caller take nothing, and are not as if there were none', () => {
    const compiled = routes([{ name: 'a', match: [{ from: [{ serviceAccount: 'other' }] }] }]);
    assert.equal(compiled.length, 1);
    const headers = compiled[0]?.match?.[0]?.headers;
    assert.deepEqual(
      headers?.map(({ name, type }) => `${name} ${type}`),
      ['host Present', 'host Absent'],
    );
  });
});

describe('what a route does', () => {
  it('has its rewrite as it is', () => {
    const rewrite = { path: { type: 'ReplacePrefixMatch', value: '/v1' }, host: 'a.b' } as const;
    assert.deepEqual(only({ rewrite }).rewrite, rewrite);
  });

  it('redirects with 302 unless it says otherwise', () => {
    assert.deepEqual(only({ redirect: { scheme: 'https' } }).redirect, { scheme: 'https', status: 302 });
    const path = { type: 'ReplaceFullPath', value: '/x' } as const;
    const whole = { host: 'a.b', port: 8443, path, status: 308 as const };
    assert.deepEqual(only({ redirect: whole }).redirect, whole);
  });

  it('changes headers by their names in lower case', () => {
    const headers = {
      request: { set: [{ name: 'X-A', value: 'One' }], remove: ['X-B'] },
      response: { add: [header('Via')] },
    };
    assert.deepEqual(only({ headers }).headers, {
      request: { set: [{ name: 'x-a', value: 'One' }], remove: ['x-b'] },
      response: { add: [{ name: 'via', value: 'x' }] },
    });
  });

  it('has timeouts in milliseconds, 0 being none', () => {
    assert.deepEqual(only({ timeout: { request: '0s', attempt: '250ms', idle: '1m30s' } }).timeout, {
      requestMs: 0,
      attemptMs: 250,
      idleMs: 90_000,
    });
  });

  it('tries again as the policy says, and by default what is safe to try again', () => {
    assert.deepEqual(only({ retry: { codes: [429] } }).retry, {
      attempts: 2,
      conditions: ['ConnectFailure', 'Reset', 'GatewayError'],
      codes: [429],
    });
    const backoff = { base: '10ms', max: '1s' };
    const retry = { attempts: 0, conditions: ['GrpcUnavailable' as const], backoff, nonIdempotent: true };
    assert.deepEqual(only({ retry }).retry, {
      attempts: 0,
      conditions: ['GrpcUnavailable'],
      backoffBaseMs: 10,
      backoffMaxMs: 1000,
      nonIdempotent: true,
    });
    assert.equal(only({}).retry, undefined);
  });

  it('has faults in numbers', () => {
    const fault = {
      abort: { percent: 1, status: 503 },
      delay: { percent: 5, duration: '200ms' },
      bandwidth: '1Mi',
    };
    assert.deepEqual(only({ fault }).fault, {
      abort: { percent: 1, status: 503 },
      delay: { percent: 5, durationMs: 200 },
      bandwidthBytesPerSecond: 1_048_576,
    });
  });
  it('never stops a body altogether', () => {
    assert.equal(only({ fault: { bandwidth: 0 } }).fault?.bandwidthBytesPerSecond, 1);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DestinationRoute, RouteMatch, ValueMatch } from '../../api/destination-traffic.ts';
import type { RouteRequest } from './route-match.ts';
import { compileRoutes } from './route-table.ts';

interface Asked {
  readonly method: string;
  readonly path: string | undefined;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
}

const ask = (path: string | undefined, more: Partial<Asked> = {}): RouteRequest => {
  const asked: Asked = { method: 'GET', path, query: '', headers: {}, ...more };
  return {
    ...asked,
    header: (name) => (Object.hasOwn(asked.headers, name) ? asked.headers[name] : undefined),
  };
};
const route = (name: string, ...match: RouteMatch[]): DestinationRoute =>
  match.length === 0 ? { name } : { name, match };
const exact = (value: string): RouteMatch => ({ path: { type: 'Exact', value } });
const prefix = (value: string): RouteMatch => ({ path: { type: 'PathPrefix', value } });
const found = (routes: readonly DestinationRoute[], request: RouteRequest) =>
  compileRoutes(routes).find(request)?.name;

test('without routes every request has the one without a name', () => {
  const table = compileRoutes(undefined);
  assert.deepEqual(table.find(ask('/a')), {
    name: '',
    index: 0,
    requestTimeoutMs: -1,
    attemptTimeoutMs: -1,
    idleTimeoutMs: -1,
    retry: undefined,
    source: { name: '' },
  });
  assert.equal(table.find(ask(undefined)), table.routes[0]);
});

test('a route carries its own timeouts and retries, 0 being none', () => {
  const retry = { attempts: 2, conditions: ['Reset' as const] };
  const source = { name: 'full', timeout: { requestMs: 0, attemptMs: 20, idleMs: 30 }, retry };
  const { routes } = compileRoutes([route('plain', exact('/a')), source]);
  const named = { requestTimeoutMs: 0, attemptTimeoutMs: 20, idleTimeoutMs: 30, retry };
  assert.deepEqual(routes[1], { name: 'full', index: 1, ...named, source });
});

test('of several that match the first in the list is taken, whatever its path', () => {
  const general = [route('general', prefix('/')), route('special', exact('/a/b'))];
  assert.equal(found(general, ask('/a/b')), 'general');
  assert.equal(found(general.toReversed(), ask('/a/b')), 'special');
  const withoutPath = route('posts', { methods: ['POST'] });
  assert.equal(found([withoutPath, ...general], ask('/a/b', { method: 'POST' })), 'posts');
  assert.equal(found([...general, withoutPath], ask('/a/b', { method: 'POST' })), 'general');
});

test('no route takes what none matches', () => {
  assert.equal(compileRoutes([route('a', exact('/a')), route('b', prefix('/b'))]).find(ask('/c')), undefined);
});

test('any of the matches of a route suffices', () => {
  const routes = [route('either', exact('/a'), { methods: ['POST'] }), route('rest')];
  assert.equal(found(routes, ask('/a')), 'either');
  assert.equal(found(routes, ask('/b', { method: 'POST' })), 'either');
  assert.equal(found(routes, ask('/b')), 'rest');
});

test('a route after one that takes every request is not reached', () => {
  for (const all of [route('all'), route('all', {}), route('all', exact('/x'), {})]) {
    assert.equal(found([route('a', exact('/a')), all, route('late', exact('/b'))], ask('/b')), 'all');
  }
});

test('a prefix matches whole segments, and its trailing slash says nothing', () => {
  for (const value of ['/v2', '/v2/']) {
    for (const path of ['/v2', '/v2/', '/v2/x']) {
      assert.equal(found([route('v2', prefix(value))], ask(path)), 'v2', path);
    }
    for (const path of ['/v2x', '/v', '/', '/x/v2']) {
      assert.equal(found([route('v2', prefix(value))], ask(path)), undefined, path);
    }
  }
  for (const path of ['/', '/x', '/x/']) assert.equal(found([route('all', prefix('/'))], ask(path)), 'all');
});

test('an exact path keeps its trailing slash', () => {
  assert.equal(found([route('folder', exact('/a/'))], ask('/a')), undefined);
  assert.equal(found([route('folder', exact('/a/'))], ask('/a/')), 'folder');
});

test('a request without a path takes routes without one only', () => {
  const routes = [route('path', prefix('/')), route('connect', { methods: ['CONNECT'] })];
  assert.equal(found(routes, ask(undefined, { method: 'CONNECT' })), 'connect');
  assert.equal(found(routes.slice(0, 1), ask(undefined, { method: 'CONNECT' })), undefined);
});

test('methods are case-sensitive', () => {
  assert.equal(found([route('get', { methods: ['GET'] })], ask('/', { method: 'get' })), undefined);
});

const VALUES: readonly (readonly [ValueMatch, string | undefined, boolean])[] = [
  [{ name: 'x', type: 'Exact', value: '1' }, '1', true],
  [{ name: 'x', type: 'Exact', value: '1' }, '12', false],
  [{ name: 'x', type: 'Exact', value: '1' }, undefined, false],
  [{ name: 'x', type: 'Exact', value: '' }, undefined, false],
  [{ name: 'x', type: 'Exact' }, '', true],
  [{ name: 'x', type: 'Present' }, '', true],
  [{ name: 'x', type: 'Present' }, undefined, false],
  [{ name: 'x', type: 'Absent' }, undefined, true],
  [{ name: 'x', type: 'Absent' }, '', false],
];
for (const [match, value, matches] of VALUES) {
  const given = value === undefined ? 'an absent value' : `'${value}'`;
  test(`${match.type} '${match.value ?? ''}' ${matches ? 'takes' : 'refuses'} ${given}`, () => {
    const taken = matches ? 'r' : undefined;
    const asHeader = value === undefined ? {} : { headers: { x: value } };
    const asQuery = value === undefined ? {} : { query: `y=0&x=${value}` };
    assert.equal(found([route('r', { headers: [match] })], ask('/', asHeader)), taken);
    assert.equal(found([route('r', { queryParams: [match] })], ask('/', asQuery)), taken);
  });
}

test('a header is read once for each request, however many routes ask for it', () => {
  const routes = Array.from({ length: 50 }, (_, i) =>
    route(`r${i}`, { headers: [{ name: 'x', type: 'Exact', value: String(i) }] }),
  );
  const table = compileRoutes(routes);
  for (const value of ['49', '7']) {
    let reads = 0;
    const request: RouteRequest = {
      ...ask('/'),
      header: (name) => {
        reads += 1;
        return name === 'x' ? value : undefined;
      },
    };
    assert.equal(table.find(request)?.name, `r${value}`);
    assert.equal(reads, 1);
  }
});

const value = fc.constantFrom('', '1', '2', '[12]', '.*');
const name = fc.constantFrom('x', 'y');
const path = fc.constantFrom('/', '/a', '/a/', '/ab', '/a/b', '/a/b/', '/a/bc', '/b', '/a/b/c', '/a//b');
const pathExpression = fc.constantFrom('/a', '/a.*', '/[ab]', '.*/', '/a/+b', '(/[a-z]){2}');
const valueMatch: fc.Arbitrary<ValueMatch> = fc.record(
  { name, type: fc.constantFrom('Exact', 'RegularExpression', 'Present', 'Absent'), value },
  { requiredKeys: ['name', 'type'] },
);
const method = fc.constantFrom('GET', 'POST');
const routeMatch: fc.Arbitrary<RouteMatch> = fc.record(
  {
    path: fc.oneof(
      fc.record({ type: fc.constantFrom('Exact', 'PathPrefix'), value: path }),
      fc.record({ type: fc.constant('RegularExpression' as const), value: pathExpression }),
    ),
    methods: fc.array(method, { minLength: 1, maxLength: 2 }),
    headers: fc.array(valueMatch, { minLength: 1, maxLength: 2 }),
    queryParams: fc.array(valueMatch, { minLength: 1, maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const anyRoute: fc.Arbitrary<DestinationRoute> = fc.record(
  { name: fc.string({ minLength: 1 }), match: fc.array(routeMatch, { minLength: 1, maxLength: 3 }) },
  { requiredKeys: ['name'] },
);
const asked: fc.Arbitrary<Asked> = fc.record({
  method,
  path: fc.option(path, { nil: undefined }),
  query: fc
    .array(
      fc.oneof(
        name,
        fc.tuple(name, value).map(([key, given]) => `${key}=${given}`),
      ),
      { maxLength: 3 },
    )
    .map((parameters) => parameters.join('&')),
  headers: fc.dictionary(name, value, { noNullPrototype: true }),
});

test('the table finds what going through the list finds', () => {
  fc.assert(
    fc.property(fc.array(anyRoute, { minLength: 1, maxLength: 12 }), fc.array(asked), (routes, requests) => {
      const table = compileRoutes(routes);
      for (const request of requests) {
        const expected = routes.findIndex(({ match }) => match?.some((each) => holds(each, request)) ?? true);
        assert.equal(table.find(ask(request.path, request))?.index ?? -1, expected, JSON.stringify(request));
      }
    }),
    { numRuns: 5_000 },
  );
});

function holds(match: RouteMatch, request: Asked): boolean {
  const parameters = new URLSearchParams(request.query);
  return (
    (match.path === undefined || holdsForPath(match.path, request.path)) &&
    (match.methods?.includes(request.method) ?? true) &&
    (match.headers ?? []).every((each) => holdsForValue(each, request.headers[each.name])) &&
    (match.queryParams ?? []).every((each) => holdsForValue(each, parameters.get(each.name) ?? undefined))
  );
}

function holdsForPath({ type, value }: NonNullable<RouteMatch['path']>, path: string | undefined): boolean {
  if (path === undefined) return false;
  if (type === 'Exact') return path === value;
  if (type === 'RegularExpression') return new RegExp(`^(?:${value})$`).test(path);
  const folder = value.endsWith('/') ? value : `${value}/`;
  return `${path}/`.startsWith(folder);
}

function holdsForValue({ type, value = '' }: ValueMatch, given: string | undefined): boolean {
  if (type === 'Exact') return given === value;
  if (type === 'RegularExpression') return given !== undefined && new RegExp(`^(?:${value})$`).test(given);
  return type === 'Present' ? given !== undefined : given === undefined;
}

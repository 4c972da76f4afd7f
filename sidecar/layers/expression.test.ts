import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DestinationRoute, RouteMatch } from '../../api/destination-traffic.ts';
import { EXPRESSION_INPUT_MAX, Expression, Expressions } from './expression.ts';
import type { RouteRequest } from './route-match.ts';
import { compileRoutes } from './route-table.ts';

const CASES: readonly (readonly [string, string, boolean])[] = [
  ['a', 'a', true],
  ['a', 'ab', false],
  ['a', 'ba', false],
  ['a|ab', 'ab', true],
  ['ab|a', 'a', true],
  ['/v[0-9]+/users/[^/]+', '/v2/users/7', true],
  ['/v[0-9]+/users/[^/]+', '/v2/users/7/orders', false],
  ['^/a$', '/a', true],
  ['(?i)on|true', 'TRUE', true],
  ['', '', true],
  ['', 'a', false],
  ['.*', '', true],
  ['\\bfoo\\b.*', 'foo bar', true],
  ['\\pL+', 'straße', true],
  ['[^a]', '🦊', true],
  ['.*', 'two\nlines', false],
  ['(?s).*', 'two\nlines', true],
];
for (const [pattern, value, expected] of CASES) {
  test(`'${pattern}' ${expected ? 'matches' : 'does not match'} the whole of ${JSON.stringify(value)}`, () => {
    assert.equal(new Expression(pattern).matches(value), expected);
  });
}

test('what is no RE2 expression matches nothing', () => {
  for (const pattern of ['(', 'a**', '(?=a)a', '(a)\\1', '[z-a]', 'a{1001}', '\\']) {
    const expression = new Expression(pattern);
    for (const value of ['', 'a', 'aa', pattern]) assert.equal(expression.matches(value), false, pattern);
  }
});

test('a value that is too long matches nothing, one that is just short enough does', () => {
  const all = new Expression('a*');
  assert.equal(all.matches('a'.repeat(EXPRESSION_INPUT_MAX)), true);
  assert.equal(all.matches('a'.repeat(EXPRESSION_INPUT_MAX + 1)), false);
});

test('a pattern is compiled once for all that have it', () => {
  const expressions = new Expressions();
  assert.equal(expressions.get('a+'), expressions.get('a+'));
  assert.notEqual(expressions.get('a+'), expressions.get('b+'));
});

test('what matches is what matches elsewhere, also after the automaton outgrew its memory', () => {
  const node: fc.Memo<string> = fc.memo((depth) => {
    const leaf = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]');
    if (depth <= 1) return leaf;
    const inner = node(depth - 1);
    return fc.oneof(
      leaf,
      fc.tuple(inner, inner).map(([x, y]) => `${x}${y}`),
      fc.tuple(inner, inner).map(([x, y]) => `(?:${x}|${y})`),
      fc.tuple(inner, fc.constantFrom('*', '+', '?', '{2,3}')).map(([x, times]) => `(?:${x})${times}`),
    );
  });
  const values = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 12 }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(node(4), values, (pattern, given) => {
      const expression = new Expression(pattern);
      const reference = new RegExp(`^(?:${pattern})$`);
      for (const value of given) assert.equal(expression.matches(value), reference.test(value), value);
    }),
  );
  // 2^12 states, more than the automaton may have: most values are matched without it
  const large = new Expression('.*a.{11}');
  const reference = /^.*a.{11}$/;
  const long = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1_000, maxLength: 2_000 });
  fc.assert(
    fc.property(long, (value) => large.matches(value) === reference.test(value)),
    { numRuns: 50 },
  );
});

test('expressions that make others take forever are done within the blink of an eye', () => {
  const long = `${'a'.repeat(EXPRESSION_INPUT_MAX - 1)}!`;
  const patterns = [
    '(a+)+$',
    '(a|a)*b',
    '(a*)*b',
    '(.*a){20}',
    '([a-z]*[0-9]*){20}x',
    '(?:.*[ac].{20}){10}x',
  ];
  const startMs = performance.now();
  for (const pattern of patterns) assert.equal(new Expression(pattern).matches(long), false, pattern);
  // coarse: a backtracking engine would need longer than the universe has been there
  assert.ok(performance.now() - startMs < 5_000);
});

const request = (path: string | undefined, more: Partial<RouteRequest> = {}): RouteRequest => ({
  ...{ method: 'GET', path, query: '', header: () => undefined },
  ...more,
});
const route = (name: string, ...match: RouteMatch[]): DestinationRoute => ({ name, match });
const byPath = (value: string): RouteMatch => ({ path: { type: 'RegularExpression', value } });
const found = (routes: readonly DestinationRoute[], asked: RouteRequest) =>
  compileRoutes(routes).find(asked)?.name;

test('a path is matched as a whole, and only where there is one', () => {
  const routes = [route('user', byPath('/users/[0-9]+'))];
  assert.equal(found(routes, request('/users/7')), 'user');
  for (const path of ['/users/7/x', '/x/users/7', '/users/', undefined]) {
    assert.equal(found(routes, request(path)), undefined, path);
  }
});

test('expressions have their place in the list as other matches do', () => {
  const exact: RouteMatch = { path: { type: 'Exact', value: '/a' } };
  const prefix: RouteMatch = { path: { type: 'PathPrefix', value: '/' } };
  const list = [route('expression', byPath('/.')), route('exact', exact), route('prefix', prefix)];
  assert.equal(found(list, request('/a')), 'expression');
  assert.equal(found(list.toReversed(), request('/a')), 'prefix');
  assert.equal(found([list[1]!, list[0]!, list[2]!], request('/a')), 'exact');
  assert.equal(found([list[1]!, list[0]!, list[2]!], request('/b')), 'expression');
  assert.equal(found([list[1]!, list[0]!, list[2]!], request('/bb')), 'prefix');
});

test('headers and query parameters are matched by expressions, absent ones by none', () => {
  const value = { name: 'x', type: 'RegularExpression' as const, value: '[0-9]*' };
  const header = [route('header', { headers: [value] })];
  const query = [route('query', { queryParams: [value] })];
  for (const [given, taken] of [
    ['12', true],
    ['', true],
    ['12a', false],
    [undefined, false],
  ] as const) {
    const asked = request('/', { header: () => given, query: given === undefined ? '' : `x=${given}` });
    assert.equal(found(header, asked), taken ? 'header' : undefined, given);
    assert.equal(found(query, asked), taken ? 'query' : undefined, given);
  }
});

test('an expression runs only where all else of the match holds', () => {
  const routes = [
    route('never', {
      methods: ['POST'],
      headers: [{ name: 'x', type: 'RegularExpression', value: '.*' }],
    }),
  ];
  let reads = 0;
  const header = () => {
    reads += 1;
    return 'value';
  };
  assert.equal(found(routes, request('/', { header })), undefined);
  assert.equal(reads, 0);
  assert.equal(found(routes, request('/', { header, method: 'POST' })), 'never');
  assert.equal(reads, 1);
});

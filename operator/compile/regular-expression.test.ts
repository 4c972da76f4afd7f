import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { EXPANDED_MAX, expandedSize } from '../../api/expression-size.ts';
import { EXPRESSION_MAX_STEPS, ROUTES_MAX_STEPS } from '../../api/expression-steps.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { expressionProblem } from './regular-expression.ts';

const type = 'RegularExpression' as const;
const matching = (...match: object[]): MeshPolicySpec =>
  ({ traffic: { routes: [{ name: 'web', match }] } }) as MeshPolicySpec;
const byPath = (value: string) => matching({ path: { type, value } });

describe('an expression is accepted', () => {
  for (const pattern of [
    '/v[0-9]+/users/[^/]+',
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
    '(?i)on|true',
    '(a+)+$',
    '(?P<name>\\w+)',
    '\\Q(a{1000})\\E',
    '[(){}]{3}',
    'a{,5}',
    '\\pL\\p{Greek}\\x{1F98A}',
    '.*a.{180}',
  ]) {
    it(pattern, () => assert.equal(expressionProblem(byPath(pattern)), undefined));
  }
  it('and so are policies without any', () => {
    for (const spec of [{}, { traffic: {} }, { traffic: { routes: [{ name: 'a' }] } }]) {
      assert.equal(expressionProblem(spec as MeshPolicySpec), undefined);
    }
  });
});

describe('an expression is refused', () => {
  for (const [pattern, expected] of [
    ['(', /missing closing \)/],
    ['a)', /unexpected \)/],
    ['[z-a]', /invalid character class range/],
    ['a**', /invalid nested repetition/],
    ['*a', /missing argument to repetition/],
    ['/a(?=b)', /no lookahead/],
    ['(?<!a)b', /no lookahead and no lookbehind/],
    ['(a)\\1', /no backreferences/],
    ['a++', /no possessive quantifiers/],
    ['a\\', /trailing backslash.*put a backslash/],
    ['\\p{Klingon}', /invalid character class/],
    ['a{1001}', /larger than 192 steps/],
    ['\\pL{70}', /larger than 192 steps/],
    ['a{300}', /larger than 192 steps.*several matches/],
  ] as const) {
    it(`${pattern}, with what to write instead`, () => {
      const problem = expressionProblem(byPath(pattern)) ?? '';
      assert.match(problem, expected);
      assert.match(problem, /^spec\.traffic\.routes\[web\]\.match\[0\]\.path: /);
    });
  }

  it('in a header and in a query parameter, which are named', () => {
    const bad = { name: 'x-a', type, value: '(' };
    assert.match(
      expressionProblem(matching({}, { headers: [bad] })) ?? '',
      /^spec\.traffic\.routes\[web\]\.match\[1\]\.headers\[x-a\]: /,
    );
    assert.match(
      expressionProblem(matching({ queryParams: [bad] })) ?? '',
      /match\[0\]\.queryParams\[x-a\]: /,
    );
  });

  it('but not what is to be taken as it is written', () => {
    const exact = matching({ path: { type: 'Exact', value: '/(' }, headers: [{ name: 'a', value: '(' }] });
    assert.equal(expressionProblem(exact), undefined);
  });

  it('when all of the policy are more steps together than there may be, and not one earlier', () => {
    // an expression of so many characters has two steps more, for its end
    const letters = (count: number) => ({ path: { type, value: 'a'.repeat(count) } });
    const half = ROUTES_MAX_STEPS / 2;
    const most = [letters(half - 2), { headers: [{ name: 'x-a', type, value: 'b'.repeat(half - 2) }] }];
    assert.equal(expressionProblem(matching(...most)), undefined);
    assert.match(
      expressionProblem(matching(...most, letters(1))) ?? '',
      /match\[2\]\.path: .* more than 256 steps together/,
    );
  });

  it('but not the ten that a Service with many has', () => {
    const usual = [
      ...['/v[0-9]+/users/[^/]+', '/api/v[12]/(users|orders)/[0-9]+(/.*)?', '/static/.*\\.(css|js|png)'],
      ...['(.*?;)?(user=jason)(;.*)?', '(?i).*(iphone|android|mobile).*', '[a-z]{2}(-[A-Z]{2})?'],
      ...['/blog/[0-9]{4}/[0-9]{2}/.+', '/shop/[^/]+/cart', 'beta-[0-9]+', '(?i)on|true'],
    ];
    const matches = usual.map((value) => ({ path: { type, value } }));
    assert.equal(expressionProblem(matching(...matches)), undefined);
  });
});

/** Each as long as the schema allows. */
const NASTY: readonly string[] = [
  '(a{1000}){1000}',
  '((a{30}){30}){30}',
  '(((((((((x{2}){2}){2}){2}){2}){2}){2}){2}){2}){2}',
  `(${'a'.repeat(1000)}){1000}`,
  'a{1000}'.repeat(146),
  '\\pL{1000}'.repeat(113),
  '(?i)[^\\pL\\pN]{0,1000}'.repeat(46),
  `(?i)${'[^\\pL]'.repeat(170)}`,
  `${'('.repeat(510)}a${')'.repeat(510)}`,
  '('.repeat(1024),
  '[[:alpha:]'.repeat(100),
  '\\Q'.repeat(512),
  '(((a*)*)*)*'.repeat(93),
  '(?:a{0,16}b{0,16}){1,30}',
  '{'.repeat(1024),
  'x{9999999999999999}',
  '\\(a{1000}\\){1000}',
  '[(]a{1000}[)]{1000}',
];
describe('a nasty expression is judged at once', () => {
  for (const pattern of NASTY) {
    it(`${pattern.slice(0, 40)}, ${pattern.length} characters`, () => {
      const startMs = performance.now();
      expressionProblem(byPath(pattern));
      // coarse: what this is about takes seconds and gigabytes
      assert.ok(performance.now() - startMs < 500);
    });
  }
  it('before it is compiled, where compiling it would take long', () => {
    for (const pattern of NASTY.slice(0, 7)) assert.ok(expandedSize(pattern) > EXPANDED_MAX, pattern);
  });
});

test('what is small before it is compiled is not large after it', () => {
  const part = fc.constantFrom(
    ...['a', '(', ')', '{2}', '{3,}', '{0,4}', '{12}', '*', '+', '?', '|', '[a)', ']', '[^(]', '\\(', '\\)'],
    ...['\\Q', '\\E', '\\pL', '\\x{41}', '[[:alpha:]]', '[]a]', '(?:', '.', '\\[', '[\\]{9}]', '{', '}'],
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
      const pattern = parts.join('');
      const instructions = sizeOf(pattern);
      // an atom and its operators are at most a few instructions
      assert.ok(instructions <= 8 * (expandedSize(pattern) + 2), `${pattern} ${instructions}`);
    }),
    { numRuns: 3_000 },
  );
});

function sizeOf(pattern: string): number {
  try {
    return RE2JS.compile(pattern).programSize();
  } catch {
    return 0;
  }
}

test('the largest expression that is accepted is as large as it says', () => {
  assert.equal(expressionProblem(byPath('a'.repeat(EXPRESSION_MAX_STEPS - 2))), undefined);
  assert.match(expressionProblem(byPath('a'.repeat(EXPRESSION_MAX_STEPS - 1))) ?? '', /larger/);
});

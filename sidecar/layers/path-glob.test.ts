import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalizeEncoding } from '../http1/normal-form.ts';
import { compilePathGlob, PathGlob } from './path-glob.ts';

const TABLE: readonly (readonly [pattern: string, matches: readonly string[], differs: readonly string[]])[] =
  [
    ['/', ['/'], ['/a', '']],
    ['/a', ['/a'], ['/a/', '/A', '/ab', '/']],
    ['/a/', ['/a/'], ['/a', '/a/b']],
    ['/v1/*', ['/v1/a', '/v1/a.b'], ['/v1', '/v1/', '/v1/a/b', '/v2/a']],
    ['/*/b', ['/a/b', '/x/b'], ['/b', '//b', '/a/c', '/a/x/b']],
    ['/v1/**', ['/v1', '/v1/', '/v1/a', '/v1/a/b'], ['/v2', '/v10', '/']],
    ['/**', ['/', '/a', '/a/b/'], []],
    ['/a/**/z', ['/a/z', '/a/b/z', '/a/b/c/z'], ['/a', '/a/b', '/z', '/a/z/b']],
    ['/a/*.json', ['/a/b.json', '/a/.json'], ['/a/b.xml', '/a/b/c.json', '/a/b.json/']],
    ['/a/x*y*z', ['/a/xyz', '/a/x1y2z', '/a/xyyz'], ['/a/xz', '/a/xy/z']],
    ['/%61/%c3%a9', ['/a/%C3%A9'], ['/%61/%c3%a9']],
  ];

for (const [pattern, matches, differs] of TABLE) {
  test(`${pattern} matches what it says and nothing else`, () => {
    const glob = compilePathGlob(pattern);
    for (const path of matches) assert.equal(glob(path), true, path);
    for (const path of differs) assert.equal(glob(path), false, path);
  });
}

test('a pattern that does not begin with a slash, or holds a malformed encoding, is refused', () => {
  for (const pattern of ['', 'a', '*', '**', '/%zz', '/%4'])
    assert.throws(() => compilePathGlob(pattern), pattern);
});

const segment = fc.constantFrom('a', 'b', 'ab', 'ba', 'aab');
const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => `/${segments.join('/')}`);
const patternOf = fc
  .array(fc.constantFrom('a', 'b', 'a*', '*b', '*', '**', '*a*'), { minLength: 1, maxLength: 6 })
  .map((segments) => `/${segments.join('/')}`);

test('globs agree with the regular expressions they stand for', () => {
  fc.assert(
    fc.property(patternOf, path, (pattern, text) => {
      assert.equal(compilePathGlob(pattern)(text), asRegExp(pattern).test(text), `${pattern} on ${text}`);
    }),
    { numRuns: 3_000 },
  );
});

test('a pattern full of wildcards against a long path ends', () => {
  const glob = compilePathGlob(`/${'**/a*a*a*a*b/'.repeat(10)}x`);
  assert.equal(glob(`/${'a'.repeat(200)}/`.repeat(20)), false);
});

const oddSegment = fc.constantFrom('', 'a', 'b', 'ab', 'aab', 'abab', 'é', 'a;x');
const oddPath = fc.oneof(
  fc.array(oddSegment, { maxLength: 6 }).map((segments) => segments.map((text) => `/${text}`).join('')),
  fc.string({ maxLength: 8 }),
);
const oddPattern = fc
  .array(fc.constantFrom('', 'a', 'b', 'ab', '*', '**', '***', 'a*', '*b', 'a*b', '*a*b*', '%61*', 'a**b'), {
    minLength: 1,
    maxLength: 6,
  })
  .map((segments) => `/${segments.join('/')}`);

test('globs agree with matching split segments one by one', () => {
  fc.assert(
    fc.property(oddPattern, oddPath, (pattern, text) => {
      assert.equal(compilePathGlob(pattern)(text), matchesNaively(pattern, text), `${pattern} on ${text}`);
    }),
    { numRuns: 10_000 },
  );
});

const literals = [
  ['/', 'exact', '/'],
  ['/%61/b', 'exact', '/a/b'],
  ['/**', 'prefix', ''],
  ['/a/b/**', 'prefix', '/a/b'],
  ['/a//**', 'prefix', '/a/'],
  ['/a/*', 'wildcard', '/a'],
  ['/a*/b', 'wildcard', ''],
  ['/a/**/b', 'wildcard', '/a'],
] as const;
for (const [pattern, kind, literal] of literals) {
  test(`${pattern} can be found as ${kind} '${literal}'`, () => {
    const glob = new PathGlob(pattern);
    assert.deepEqual({ kind: glob.kind, literal: glob.literal }, { kind, literal });
  });
}

test('what the literal beginning says is true of every path that matches', () => {
  fc.assert(
    fc.property(oddPattern, oddPath, (pattern, text) => {
      fc.pre(text.startsWith('/'));
      const { kind, literal } = new PathGlob(pattern);
      const isFound = text === literal || (kind !== 'exact' && text.startsWith(`${literal}/`));
      if (kind === 'wildcard') assert.ok(isFound || !matchesNaively(pattern, text), `${pattern} on ${text}`);
      else assert.equal(isFound, matchesNaively(pattern, text), `${pattern} on ${text}`);
    }),
    { numRuns: 5_000 },
  );
});

/** By splitting, and by trying every number of segments for each `**`. */
function matchesNaively(pattern: string, text: string): boolean {
  const normal = normalizeEncoding(pattern);
  if (!normal.includes('*')) return text === normal;
  return matchesFrom(normal.slice(1).split('/'), text.slice(1).split('/'));
}

function matchesFrom([part, ...parts]: readonly string[], segments: readonly string[]): boolean {
  if (part === undefined) return segments.length === 0;
  if (part === '**')
    return segments.concat('').some((_, skipped) => matchesFrom(parts, segments.slice(skipped)));
  const [segment, ...rest] = segments;
  return segment !== undefined && isSegment(part, segment) && matchesFrom(parts, rest);
}

function isSegment(part: string, segment: string): boolean {
  if (part === '*') return segment !== '';
  return new RegExp(`^${part.split('*').join('.*')}$`, 's').test(segment);
}

function asRegExp(pattern: string): RegExp {
  const source = pattern
    .slice(1)
    .split('/')
    .map((part) => {
      if (part === '**') return '(?:/[^/]*)*';
      return part === '*' ? '/[^/]+' : `/${part.replaceAll('*', '[^/]*')}`;
    })
    .join('');
  return new RegExp(`^${source}$`);
}

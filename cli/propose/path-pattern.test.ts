import assert from 'node:assert/strict';
import { test } from 'node:test';
import { couldMatch, exactPattern, generalPattern, isWide } from './path-pattern.ts';

const GENERAL: readonly (readonly [path: string, pattern: readonly string[] | string])[] = [
  ['/', ['/']],
  ['/v1/charges', ['/v1/charges']],
  ['/v1/charges/', ['/v1/charges/']],
  ['/v1/charges/42', ['/v1/charges/*']],
  ['/v1/charges/42/', ['/v1/charges/*/']],
  ['/v1/6ba7b810-9dad-11d1-80b4-00c04fd430c8/x', ['/v1/*/x']],
  ['/a/b%20c', ['/a/*']],
  ['/1/2/3/4/5/6/7/8/9/10', ['/*/*/*/*/*/*/*/*/**']],
  // a client's own wildcards are data
  ['/**', ['/*']],
  ['/v1/*', ['/v1/*']],
  ['/v1/a*b', ['/v1/*']],
  ['/v1/{id}', ['/v1/*']],
  ['/v1/{rest}', ['/v1/*']],
  // read in two ways
  ['/a;x=1/b', ['/a;x=1/b', '/a/b']],
  ['/a/42;x=1', ['/a/42;x=1', '/a/*']],
  ['/items/;a=1', ['/items/;a=1', '/items/']],
  // refused where rules look at paths
  ['/a%2Fb', 'ambiguous'],
  ['/a%5Cb', 'ambiguous'],
  ['/a\\b', 'ambiguous'],
  ['/a%00', 'ambiguous'],
  ['/a/..;/b', 'ambiguous'],
  // no sidecar keeps such; somebody answered for one
  ['no-slash', 'unwritable'],
  ['/a b', 'unwritable'],
  ['/a\n- evil: true', 'unwritable'],
  ['/a\u001b[2J/é', 'unwritable'],
  ['', 'unwritable'],
];
for (const [path, pattern] of GENERAL) {
  test(`${JSON.stringify(path)} and those like it: ${pattern}`, () => {
    assert.deepEqual(generalPattern(path), pattern);
  });
}

test('an exact pattern means one path, and where none can, there is none', () => {
  assert.deepEqual(exactPattern('/v1/charges/42'), ['/v1/charges/42']);
  assert.deepEqual(exactPattern('/a/b%20c'), ['/a/b%20c']);
  assert.deepEqual(exactPattern('/a;x/b'), ['/a;x/b', '/a/b']);
  for (const path of ['/v1/*', '/**', '/a*b']) assert.equal(exactPattern(path), 'unwritable');
});

const MATCHES: readonly (readonly [pattern: string, path: string, isCut: boolean, matches: boolean])[] = [
  ['/a/*', '/a/b', false, true],
  ['/a/*', '/a/', false, false],
  ['/a/*', '/a', false, false],
  ['/a/*', '/a/b/c', false, false],
  ['/a', '/a', false, true],
  ['/a', '/a/', false, false],
  ['/a/**', '/a', false, true],
  ['/a/**', '/a/b/c', false, true],
  ['/a/**', '/b', false, false],
  ['/a/b', '/a', false, false],
  // whatever follows
  ['/a/*', '/a/bbb', true, true],
  ['/a/bcd', '/a/b', true, true],
  ['/a/bcd', '/a/x', true, false],
  ['/a/b', '/a/bc', true, false],
  ['/a/*/c', '/a/b', true, true],
  ['/a', '/a/b', true, false],
  ['/x/*', '/a/b', true, false],
];
for (const [pattern, path, isCut, matches] of MATCHES) {
  test(`${pattern} ${matches ? 'takes' : 'does not take'} ${path}${isCut ? '…' : ''}`, () => {
    assert.equal(couldMatch(pattern, path, isCut), matches);
  });
}

test('a pattern without any word is wide', () => {
  for (const pattern of ['/*', '/**', '/*/*', '/*/']) assert.equal(isWide(pattern), true, pattern);
  for (const pattern of ['/', '/a', '/a/*', '/*/a']) assert.equal(isWide(pattern), false, pattern);
});

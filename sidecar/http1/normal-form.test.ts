import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalizeHost, normalizePath } from './normal-form.ts';
import { HttpSyntaxError } from './syntax-error.ts';

const AMBIGUOUS = [
  '/a%2fb',
  '/a%2Fb',
  '/a%5cb',
  '/a\\b',
  '/a%00',
  '/public/..;/admin',
  '/.;x/a',
  '/a/..;',
  '/x/..%3B/admin',
];
const CLEAR = ['/', '/a/b', '/a;x=1/b', '/a..;b', '/%3F', '/a%252fb'];

for (const path of AMBIGUOUS) {
  test(`${path} is called ambiguous`, () => assert.equal(normalizePath(path).ambiguous, true));
}
for (const path of CLEAR) {
  test(`${path} is not called ambiguous`, () => assert.equal(normalizePath(path).ambiguous, false));
}

const piece = fc.constantFrom(
  '/',
  '.',
  '..',
  '//',
  'a',
  '%2e',
  '%2E',
  '%2f',
  '%61',
  '%25',
  ';',
  '~',
  '%c3%a9',
  '\\',
);
const paths = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

test('the normal form of a path is its own normal form, without empty or dot segments', () => {
  fc.assert(
    fc.property(paths, (path) => {
      const { path: normal, ambiguous } = normalizePath(path);
      assert.deepEqual(normalizePath(normal), { path: normal, ambiguous });
      assert.match(normal, /^\//);
      assert.doesNotMatch(normal, /\/\/|\/\.{1,2}(?:\/|$)/);
    }),
  );
});

test('any text as a path gives a normal form or a syntax error', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        normalizePath(`/${text}`);
      } catch (error) {
        assert.ok(error instanceof HttpSyntaxError);
      }
    }),
  );
});

test('any text as a host gives a normal form, which is its own, or a syntax error', () => {
  const hosts = fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9.:[\]-]{0,20}$/));
  fc.assert(
    fc.property(hosts, (text) => {
      let normal: string;
      try {
        normal = normalizeHost(text);
      } catch (error) {
        assert.ok(error instanceof HttpSyntaxError);
        return;
      }
      assert.equal(normalizeHost(normal), normal);
    }),
    { numRuns: 2_000 },
  );
});

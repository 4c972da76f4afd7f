import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { pathTemplate } from './path-template.ts';

const NAMES = [
  ...[
    '/',
    '/items',
    '/items/',
    '/v1/items',
    '/api/v2beta1/a_b/c-d',
    '/index.html',
    '/static/app.js',
    '/facade',
    '/decade',
  ],
  ...['/shop.v1.Orders/Get', '/users:batchGet', '/internationalization', '/items/;a=1'],
];
const DATA = [
  ...[
    '/items/1',
    '/items/0042',
    '/items/2f9b3c71',
    '/items/2F9B3C71',
    '/items/e3b0c44298fc1c149afb',
    '/items/20260101',
  ],
  '/items/6ba7b810-9dad-11d1-80b4-00c04fd430c8',
  '/items/01ARZ3NDEKTSV4RRFFQ69G5FAV',
  '/items/dGhpcyBpcyBhIHRva2Vu12',
  '/items/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0',
  ...['/items/a%20b', '/items/me@example.org', "/items/o'neill", `/items/${'a'.repeat(41)}`, '/items/{id}'],
];

test('names of a path stay as they are', () => {
  for (const path of NAMES) assert.equal(pathTemplate(path), path);
});

test('what looks like data is left out', () => {
  for (const path of DATA) {
    assert.equal(pathTemplate(path), '/items/{id}', path);
    assert.equal(pathTemplate(`${path}/lines/7`), '/items/{id}/lines/{id}', path);
  }
});

test('a path has eight segments at most, and a long one fewer', () => {
  assert.equal(pathTemplate('/a/b/c/d/e/f/g/h'), '/a/b/c/d/e/f/g/h');
  assert.equal(pathTemplate('/a/b/c/d/e/f/g/h/i'), '/a/b/c/d/e/f/g/h/{rest}');
  const long = `/${'a'.repeat(40)}`;
  assert.equal(pathTemplate(long.repeat(7)), `${long.repeat(4)}/{rest}`);
});

test('whatever the path, its template is short, begins with a slash and is its own template', () => {
  const path = fc.oneof(
    fc.webPath(),
    fc.array(fc.string({ maxLength: 60 }), { maxLength: 12 }).map((segments) => `/${segments.join('/')}`),
  );
  fc.assert(
    fc.property(path, (text) => {
      const template = pathTemplate(text);
      assert.ok(template.startsWith('/') && template.length <= 220, template);
      const again = pathTemplate(template.replaceAll('{id}', '1').replace(/\/\{rest\}$/, ''));
      assert.equal(again.startsWith(template.replace(/\/?\{rest\}$/, '')), true);
    }),
  );
});

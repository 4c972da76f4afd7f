import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../api/destination-traffic.ts';
import { EXPRESSION_INPUT_MAX } from './layers/expression.ts';
import { Caller } from './testing/caller.ts';
import { type Asked, ask, assertError, serveVersion, VERSIONS, type Version } from './testing/versions.ts';

const expression = (value: string) => ({ type: 'RegularExpression' as const, value });

const ROUTES: DestinationRoute[] = [
  { name: 'exact', match: [{ path: { type: 'Exact', value: '/users/me' } }] },
  { name: 'user', match: [{ path: expression('/users/[^/]+') }] },
  { name: 'tenant', match: [{ headers: [{ name: 'x-tenant', ...expression('t-[0-9]{1,4}') }] }] },
  { name: 'debug', match: [{ queryParams: [{ name: 'debug', ...expression('on|true|1') }] }] },
  { name: 'nasty', match: [{ headers: [{ name: 'x-nasty', ...expression('(a+)+$') }] }] },
  { name: 'rest', match: [{ path: { type: 'PathPrefix', value: '/users' } }] },
];

async function routed(version: Version): Promise<Caller> {
  return Caller.start([await serveVersion(version)], { traffic: { routes: ROUTES } });
}

const TAKEN: readonly (readonly [what: string, asked: Asked, route: string])[] = [
  ['a path', { path: '/users/7' }, 'user'],
  ['a path in normal form', { path: '/x/../users/%37' }, 'user'],
  ['a path without its query', { path: '/users/7?a=/b' }, 'user'],
  ['no path with more behind', { path: '/users/7/orders' }, 'rest'],
  ['no path that an earlier route has', { path: '/users/me' }, 'exact'],
  ['a header', { headers: { 'X-Tenant': 't-12' } }, 'tenant'],
  ['a query parameter', { path: '/?debug=true' }, 'debug'],
  ['a decoded query parameter', { path: '/?debug=o%6e' }, 'debug'],
];
const NOT_TAKEN: readonly (readonly [what: string, asked: Asked])[] = [
  ['part of a header', { headers: { 'X-Tenant': 't-12345' } }],
  ['an absent header', {}],
  ['part of a query parameter', { path: '/?debug=only' }],
  ['part of a path', { path: '/a/users/7' }],
];

for (const version of VERSIONS) {
  for (const [what, asked, route] of TAKEN) {
    test(`${version}: an expression takes ${what}, and the request the route ${route}`, async () => {
      const caller = await routed(version);
      assert.equal((await ask(version, caller.port, asked)).body, 'done');
      assert.equal(caller.metric('weft_requests_total', `route="${route}"`), 1);
    });
  }

  for (const [what, asked] of NOT_TAKEN) {
    test(`${version}: an expression does not take ${what}`, async () => {
      const caller = await routed(version);
      assertError(version, await ask(version, caller.port, asked), 'no-route');
    });
  }

  test(`${version}: a nasty expression on a long value does not keep other requests waiting`, async () => {
    const caller = await routed(version);
    const nasty = { headers: { 'X-Nasty': `${'a'.repeat(EXPRESSION_INPUT_MAX - 1)}!` } };
    const startMs = performance.now();
    const [other, ...answers] = await Promise.all([
      ask(version, caller.port, { path: '/users/me' }),
      ...Array.from({ length: 20 }, () => ask(version, caller.port, nasty)),
    ]);
    for (const answer of answers) assertError(version, answer, 'no-route');
    assert.equal(other.body, 'done');
    // coarse: with backtracking the first alone would never end
    assert.ok(performance.now() - startMs < 10_000);
  });

  test(`${version}: a value longer than expressions are run on takes no route by one`, async () => {
    const caller = await routed(version);
    const asked = (length: number) => ({ headers: { 'X-Nasty': 'a'.repeat(length) } });
    assert.equal((await ask(version, caller.port, asked(EXPRESSION_INPUT_MAX))).body, 'done');
    assertError(version, await ask(version, caller.port, asked(EXPRESSION_INPUT_MAX + 1)), 'no-route');
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DestinationRoute } from '../api/destination-traffic.ts';
import { EXPRESSION_INPUT_MAX } from './layers/expression.ts';
import { Caller } from './testing/caller.ts';
import { last } from './testing/harness.ts';
import { type Served, serveRequests } from './testing/http-server.ts';
import { talk } from './testing/wire.ts';

const DONE = (request: Served) => request.answer(200, 'done');
const expression = (value: string) => ({ type: 'RegularExpression' as const, value });

const ROUTES: DestinationRoute[] = [
  { name: 'exact', match: [{ path: { type: 'Exact', value: '/users/me' } }] },
  { name: 'user', match: [{ path: expression('/users/[^/]+') }] },
  { name: 'tenant', match: [{ headers: [{ name: 'x-tenant', ...expression('t-[0-9]{1,4}') }] }] },
  { name: 'debug', match: [{ queryParams: [{ name: 'debug', ...expression('on|true|1') }] }] },
  { name: 'nasty', match: [{ headers: [{ name: 'x-nasty', ...expression('(a+)+$') }] }] },
  { name: 'rest', match: [{ path: { type: 'PathPrefix', value: '/users' } }] },
];

async function routed(): Promise<Caller> {
  return Caller.start([await serveRequests(DONE)], { traffic: { routes: ROUTES } });
}

for (const [what, request, route] of [
  ['a path', last('/users/7'), 'user'],
  ['a path in normal form', last('/x/../users/%37'), 'user'],
  ['a path without its query', last('/users/7?a=/b'), 'user'],
  ['no path with more behind', last('/users/7/orders'), 'rest'],
  ['no path that an earlier route has', last('/users/me'), 'exact'],
  ['a header', last('/', 'X-Tenant: t-12\r\n'), 'tenant'],
  ['a query parameter', last('/?debug=true'), 'debug'],
  ['a decoded query parameter', last('/?debug=o%6e'), 'debug'],
] as const) {
  test(`an expression takes ${what}, and the request the route ${route}`, async () => {
    const caller = await routed();
    assert.match(await talk(caller.port, request), /^HTTP\/1.1 200/);
    assert.equal(caller.metric('weft_requests_total', `route="${route}"`), 1);
  });
}

for (const [what, request] of [
  ['part of a header', last('/', 'X-Tenant: t-12345\r\n')],
  ['an absent header', last('/')],
  ['part of a query parameter', last('/?debug=only')],
  ['part of a path', last('/a/users/7')],
] as const) {
  test(`an expression does not take ${what}`, async () => {
    const caller = await routed();
    assert.match(await talk(caller.port, request), /^HTTP\/1.1 404 [\s\S]*weft-error: no-route/);
  });
}

test('a nasty expression on a long value does not keep other requests waiting', async () => {
  const caller = await routed();
  const nasty = last('/', `X-Nasty: ${'a'.repeat(EXPRESSION_INPUT_MAX - 1)}!\r\n`);
  const startMs = performance.now();
  const answers = await Promise.all([
    ...Array.from({ length: 20 }, () => talk(caller.port, nasty)),
    talk(caller.port, last('/users/me')),
  ]);
  for (const answer of answers.slice(0, -1)) assert.match(answer, /^HTTP\/1.1 404/);
  assert.match(answers.at(-1)!, /^HTTP\/1.1 200/);
  // coarse: with backtracking the first alone would never end
  assert.ok(performance.now() - startMs < 10_000);
});

test('a value longer than expressions are run on takes no route by one', async () => {
  const caller = await routed();
  const value = (length: number) => last('/', `X-Nasty: ${'a'.repeat(length)}\r\n`);
  assert.match(await talk(caller.port, value(EXPRESSION_INPUT_MAX)), /^HTTP\/1.1 200/);
  assert.match(await talk(caller.port, value(EXPRESSION_INPUT_MAX + 1)), /^HTTP\/1.1 404/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuthorizationRule, Operation, When } from '../../api/proxy-config.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { matches, NOBODY, rule, token, when } from './authorization.fixture.ts';
import { compileAuthorization } from './authorization.ts';

const GRPC: Operation = { grpc: { service: 'pay.Api', methods: ['Get'] } };
const HOSTS: Operation = { hosts: ['api.shop', '*.example.com'] };
const HEADER: Operation = { headers: [{ name: 'x-role', value: 'admin' }] };

test('on what is not parsed as HTTP every Deny rule with such a field matches, and no Allow rule', () => {
  const opaque = { caller: NOBODY, method: undefined, path: undefined };
  const fields: readonly (readonly [Operation | undefined, When | undefined])[] = [
    [HOSTS, undefined],
    [HEADER, undefined],
    [GRPC, undefined],
    [undefined, when()],
    [{ methods: ['GET'] }, when({ role: ['admin'] })],
  ];
  for (const [to, asked] of fields) {
    const deny = compileAuthorization([rule('Deny', to, asked)], 80, 'Allow');
    assert.equal(deny.decide(opaque).rule, 'r', JSON.stringify([to, asked]));
    const allow = compileAuthorization([rule('Allow', to, asked)], 80, 'Deny');
    assert.equal(allow.decide(opaque).rule, 'default', JSON.stringify([to, asked]));
  }
});

test('the default names the policy it comes from, in audit too', () => {
  const asked = { caller: NOBODY, method: 'GET', path: '/' };
  const authorizer = compileAuthorization([], 80, 'Deny', 'shop/base');
  assert.deepEqual(authorizer.decide(asked), { allowed: false, policy: 'shop/base', rule: 'default' });
  const allow: AuthorizationRule = {
    ...rule('Allow', { methods: ['PUT'] }),
    mode: 'Audit',
    policy: 'shop/a',
  };
  const audited = compileAuthorization([allow], 80, 'Allow', 'shop/base', 'shop/a');
  assert.deepEqual(audited.audit?.(asked), { allowed: false, policy: 'shop/a', rule: 'default' });
});

test('a gRPC rule makes ambiguous paths refused, as a path rule does', () => {
  assert.equal(compileAuthorization([rule('Deny', GRPC)], 80, 'Allow').looksAtPaths, true);
});

const operation: fc.Arbitrary<Operation> = fc.record(
  {
    methods: fc.constantFrom(['GET'], ['POST', 'GET']),
    paths: fc.constantFrom(['/a'], ['/a/**'], ['/s.A/*', '/b']),
    hosts: fc.constantFrom(['h'], ['*.h']),
    headers: fc.constantFrom([{ name: 'x', value: '1' }], [{ name: 'y', value: '2' }]),
    grpc: fc.constantFrom({ service: 's.A' }, { service: 's.A', methods: ['M'] }),
  },
  { requiredKeys: [] },
);
const anyRule = fc
  .record({
    action: fc.constantFrom<'Allow' | 'Deny'>('Allow', 'Deny'),
    to: fc.option(fc.array(operation, { minLength: 1, maxLength: 3 }), { nil: undefined }),
    when: fc.option(fc.constantFrom(when(), when({ r: ['1'] })), { nil: undefined }),
  })
  .map(({ action, to, when: asked }) => ({ ...rule(action, undefined, asked), ...(to && { to }) }));
const request = fc.record({
  line: fc.constantFrom('GET /a', 'POST /s.A/M', 'GET /s.A/M', 'GET /b', 'GET /a;x/c', 'POST /s.A/M;x'),
  host: fc.constantFrom('h', 'a.h', 'other:81'),
  fields: fc.subarray(['x: 1\r\n', 'x: 2\r\n', 'y: 2\r\n', 'content-type: application/grpc\r\n']),
  claims: fc.constantFrom(undefined, {}, { r: '1' }),
});

test('of many rules the first that matches decides, found by path or not', () => {
  const rules = fc.array(anyRule, { maxLength: 8 });
  const asks = fc.array(request, { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(rules, asks, (list, asked) => {
      const named = list.map((each, index) => ({ ...each, name: `r${index}` }));
      const all = compileAuthorization(named, 80, 'Deny').forCaller(NOBODY);
      const ordered = [...named].sort((a, b) => (a.action < b.action ? 1 : a.action > b.action ? -1 : 0));
      for (const { line, host, fields, claims } of asked) {
        const text = `${line} HTTP/1.1\r\nHost: ${host}\r\n${fields.join('')}`;
        const head = parseRequestHead(text);
        const tokens = claims === undefined ? [] : [token(claims)];
        // one rule and one operation at a time, so that there is nothing to index
        const matchesAlone = (each: AuthorizationRule) =>
          (each.to ?? [undefined]).some((to) =>
            matches(each.action, to, each.when, {
              line: `${line} HTTP/1.1`,
              fields: `Host: ${host}\r\n${fields.join('')}`.replace(/\r\n$/, ''),
              ...(tokens[0] && { token: tokens[0] }),
            }),
          );
        const expected = ordered.find(matchesAlone)?.name ?? 'default';
        assert.equal(all.decide(head.method, head.path, head, tokens).rule, expected, text);
      }
    }),
    { numRuns: 1_000 },
  );
});

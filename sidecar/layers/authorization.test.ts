import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuthorizationRule } from '../../api/proxy-config.ts';
import { type Call, compileAuthorization, compileIpBlock } from './authorization.ts';
import { anonymous, type Caller, plainAddress } from './caller.ts';

const caller = (namespace: string, serviceAccount: string, address = '10.0.0.1'): Caller => ({
  spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`,
  trustDomain: 'cluster.local',
  namespace,
  serviceAccount,
  address,
});
const WEB = caller('shop', 'web');
const OPS = caller('ops', 'robot');
const NOBODY = anonymous('10.0.0.1');

const call = (who: Caller, method?: string, path?: string): Call => ({ caller: who, method, path });
const rule = (
  name: string,
  action: 'Allow' | 'Deny',
  more: Partial<AuthorizationRule> = {},
): AuthorizationRule => ({
  policy: 'shop/p',
  name,
  action,
  mode: 'Enforce',
  ...more,
});
const decide = (
  rules: readonly AuthorizationRule[],
  asked: Call,
  fallback: 'Allow' | 'Deny' = 'Deny',
  port = 8080,
) => compileAuthorization(rules, port, fallback).decide(asked);

const WEB_READS = rule('web-reads', 'Allow', {
  from: [{ namespace: 'shop', serviceAccount: 'web' }],
  to: [{ methods: ['GET'], paths: ['/v1/**'] }],
});

const TABLE: readonly {
  readonly name: string;
  readonly rules: readonly AuthorizationRule[];
  readonly call: Call;
  readonly fallback?: 'Allow' | 'Deny';
  readonly allowed: boolean;
  readonly by: string;
}[] = [
  {
    name: 'without rules the default Allow allows',
    rules: [],
    call: call(NOBODY, 'GET', '/'),
    fallback: 'Allow',
    allowed: true,
    by: 'default',
  },
  {
    name: 'without rules the default Deny denies',
    rules: [],
    call: call(WEB, 'GET', '/'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'a matching Allow rule allows',
    rules: [WEB_READS],
    call: call(WEB, 'GET', '/v1/a'),
    allowed: true,
    by: 'web-reads',
  },
  {
    name: 'another method is not allowed',
    rules: [WEB_READS],
    call: call(WEB, 'POST', '/v1/a'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'methods are case-sensitive',
    rules: [WEB_READS],
    call: call(WEB, 'get', '/v1/a'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'another path is not allowed',
    rules: [WEB_READS],
    call: call(WEB, 'GET', '/v2'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'another caller is not allowed',
    rules: [WEB_READS],
    call: call(OPS, 'GET', '/v1/a'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'a caller without identity is not allowed',
    rules: [WEB_READS],
    call: call(NOBODY, 'GET', '/v1/a'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'Deny goes before Allow, whatever their order',
    rules: [rule('all', 'Allow'), rule('no-deletes', 'Deny', { to: [{ methods: ['DELETE'] }] })],
    call: call(WEB, 'DELETE', '/'),
    allowed: false,
    by: 'no-deletes',
  },
  {
    name: 'a Deny rule that does not match leaves the rest to Allow rules',
    rules: [rule('all', 'Allow'), rule('no-deletes', 'Deny', { to: [{ methods: ['DELETE'] }] })],
    call: call(WEB, 'GET', '/'),
    allowed: true,
    by: 'all',
  },
  {
    name: 'any service account of a namespace',
    rules: [rule('ops', 'Allow', { from: [{ namespace: 'ops', serviceAccount: '*' }] })],
    call: call(OPS, 'GET', '/'),
    allowed: true,
    by: 'ops',
  },
  {
    name: 'any service account is still an identity',
    rules: [rule('ops', 'Allow', { from: [{ serviceAccount: '*' }] })],
    call: call(NOBODY, 'GET', '/'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'a SPIFFE ID is compared whole',
    rules: [rule('id', 'Allow', { from: [{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/we' }] })],
    call: call(WEB, 'GET', '/'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'all fields of a principal must match',
    rules: [rule('both', 'Allow', { from: [{ namespace: 'shop', ipBlock: '192.168.0.0/16' }] })],
    call: call(WEB, 'GET', '/'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'any of several principals may match',
    rules: [rule('any', 'Allow', { from: [{ namespace: 'x' }, { ipBlock: '10.0.0.0/8' }] })],
    call: call(NOBODY, 'GET', '/'),
    allowed: true,
    by: 'any',
  },
  {
    name: 'a rule for another port does not apply',
    rules: [rule('db', 'Allow', { ports: [5432] })],
    call: call(WEB, 'GET', '/'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'on a connection an Allow rule with a path never matches',
    rules: [rule('paths', 'Allow', { to: [{ paths: ['/**'] }] })],
    call: call(WEB),
    allowed: false,
    by: 'default',
  },
  {
    name: 'on a connection an Allow rule with a method never matches',
    rules: [rule('methods', 'Allow', { to: [{ methods: ['GET'] }] })],
    call: call(WEB),
    allowed: false,
    by: 'default',
  },
  {
    name: 'on a connection an Allow rule with one operation without HTTP fields matches',
    rules: [rule('either', 'Allow', { to: [{ methods: ['GET'] }, {}] })],
    call: call(WEB),
    allowed: true,
    by: 'either',
  },
  {
    name: 'on a connection a Deny rule with HTTP fields matches as if they did',
    rules: [
      rule('all', 'Allow'),
      rule('admin', 'Deny', { to: [{ methods: ['GET'], paths: ['/admin/**'] }] }),
    ],
    call: call(WEB),
    allowed: false,
    by: 'admin',
  },
  {
    name: 'on a connection a Deny rule of another caller does not match',
    rules: [
      rule('all', 'Allow'),
      rule('admin', 'Deny', { from: [{ namespace: 'ops' }], to: [{ paths: ['/a'] }] }),
    ],
    call: call(WEB),
    allowed: true,
    by: 'all',
  },
  ...['/admin;x=1/users', '/admin/;x', '/;x/admin/users', '/admin;'].map((path) => ({
    name: `path parameters do not hide a path from a Deny rule: ${path}`,
    rules: [rule('all', 'Allow'), rule('admin', 'Deny', { to: [{ paths: ['/admin/**'] }] })],
    call: call(WEB, 'GET', path),
    allowed: false,
    by: 'admin',
  })),
  {
    name: 'a Deny rule may name a path parameter',
    rules: [rule('all', 'Allow'), rule('trick', 'Deny', { to: [{ paths: ['/*;x'] }] })],
    call: call(WEB, 'GET', '/a;x'),
    allowed: false,
    by: 'trick',
  },
  {
    name: 'a path parameter is no segment to an Allow rule',
    rules: [rule('items', 'Allow', { to: [{ paths: ['/items/*/notes'] }] })],
    call: call(WEB, 'GET', '/items/;x/notes'),
    allowed: false,
    by: 'default',
  },
  {
    name: 'a path with a parameter is allowed where it is so with and without it',
    rules: [rule('items', 'Allow', { to: [{ paths: ['/items/*'] }] })],
    call: call(WEB, 'GET', '/items/1;session=2'),
    allowed: true,
    by: 'items',
  },
  {
    name: 'a request without a path (CONNECT) is denied by a Deny rule with paths',
    rules: [rule('all', 'Allow'), rule('admin', 'Deny', { to: [{ paths: ['/admin/**'] }] })],
    call: call(WEB, 'CONNECT', undefined),
    allowed: false,
    by: 'admin',
  },
  {
    name: 'a rule in Audit mode neither denies',
    rules: [rule('audit', 'Deny', { mode: 'Audit' })],
    call: call(WEB, 'GET', '/'),
    fallback: 'Allow',
    allowed: true,
    by: 'default',
  },
  {
    name: 'nor does it allow',
    rules: [rule('audit', 'Allow', { mode: 'Audit' })],
    call: call(WEB, 'GET', '/'),
    allowed: false,
    by: 'default',
  },
];

for (const entry of TABLE) {
  test(entry.name, () => {
    const { allowed, rule: by } = decide(entry.rules, entry.call, entry.fallback);
    assert.deepEqual({ allowed, by }, { allowed: entry.allowed, by: entry.by });
  });
}

test('audit names the rule that would deny, and nothing for what it would allow', () => {
  const rules = [rule('no-deletes', 'Deny', { mode: 'Audit', to: [{ methods: ['DELETE'] }] })];
  const { audit } = compileAuthorization(rules, 8080, 'Allow');
  assert.deepEqual(audit?.(call(WEB, 'DELETE', '/')), {
    allowed: false,
    policy: 'shop/p',
    rule: 'no-deletes',
  });
  assert.equal(audit?.(call(WEB, 'GET', '/')), undefined);
});

test('audit of an Allow rule names the default that would deny the rest', () => {
  const rules: AuthorizationRule[] = [{ ...WEB_READS, mode: 'Audit' }];
  const { audit } = compileAuthorization(rules, 8080, 'Allow', '', 'shop/p');
  assert.deepEqual(audit?.(call(OPS, 'GET', '/')), { allowed: false, policy: 'shop/p', rule: 'default' });
  assert.equal(audit?.(call(WEB, 'GET', '/v1/a')), undefined);
});

test('audit of a default alone names it for what no rule allows, and nothing for what one does', () => {
  const { audit } = compileAuthorization([WEB_READS], 8080, 'Allow', '', 'shop/trial');
  assert.deepEqual(audit?.(call(OPS, 'GET', '/')), { allowed: false, policy: 'shop/trial', rule: 'default' });
  assert.equal(audit?.(call(WEB, 'GET', '/v1/a')), undefined);
  const nothingElse = compileAuthorization([], 8080, 'Allow', '', 'shop/trial');
  assert.equal(nothingElse.audit?.(call(WEB, 'GET', '/v1/a'))?.policy, 'shop/trial');
  assert.equal(nothingElse.decide(call(WEB, 'GET', '/v1/a')).allowed, true);
});

test('audit of an Allow rule beside a default that stays Allow denies nothing', () => {
  const { audit } = compileAuthorization([{ ...WEB_READS, mode: 'Audit' }], 8080, 'Allow');
  assert.equal(audit?.(call(OPS, 'GET', '/')), undefined);
});

test('without rules in Audit mode there is no audit at all', () => {
  assert.equal(compileAuthorization([WEB_READS], 8080, 'Allow').audit, undefined);
});

test('it is known whether any rule looks at paths', () => {
  assert.equal(compileAuthorization([WEB_READS], 8080, 'Deny').looksAtPaths, true);
  assert.equal(compileAuthorization([rule('all', 'Allow')], 8080, 'Deny').looksAtPaths, false);
});

test('address blocks match their own family only', () => {
  const v4 = compileIpBlock('10.0.0.0/8');
  const v6 = compileIpBlock('fd00::/8');
  const any4 = compileIpBlock('0.0.0.0/0');
  const from = (address: string) => call(anonymous(plainAddress(address)));
  assert.equal(v4(from('10.255.0.1')), true);
  assert.equal(v4(from('11.0.0.1')), false);
  assert.equal(v4(from('::ffff:10.0.0.1')), true);
  assert.equal(v4(from('fd00::1')), false);
  assert.equal(v6(from('fd00::1')), true);
  assert.equal(v6(from('fe00::1')), false);
  assert.equal(v6(from('10.0.0.1')), false);
  assert.equal(any4(from('::1')), false);
  assert.equal(any4(from('')), false);
});

const UNENFORCEABLE: readonly (readonly [string, Partial<AuthorizationRule>])[] = [
  ['an address block that is none', { from: [{ ipBlock: '10.0.0.0' }] }],
  ['an address block with a prefix too long', { from: [{ ipBlock: '10.0.0.0/33' }] }],
  ['an address block of words', { from: [{ ipBlock: 'a/8' }] }],
  ['a principal without any field', { from: [{}] }],
  ['a service account without a namespace', { from: [{ serviceAccount: 'web' }] }],
  ['a path pattern without a slash', { to: [{ paths: ['v1'] }] }],
];
for (const [name, more] of UNENFORCEABLE) {
  test(`${name} is refused when it is compiled`, () => {
    assert.throws(() => compileAuthorization([rule('x', 'Allow', more)], 8080, 'Deny'));
  });
}

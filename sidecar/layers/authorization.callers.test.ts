import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuthorizationRule, Operation, Principal } from '../../api/proxy-config.ts';
import { type Call, compileAuthorization } from './authorization.ts';
import { anonymous, type Caller } from './caller.ts';

const caller = (namespace: string, serviceAccount: string, address = '10.0.0.1'): Caller => ({
  spiffeId: `spiffe://cluster.local/ns/${namespace}/sa/${serviceAccount}`,
  trustDomain: 'cluster.local',
  namespace,
  serviceAccount,
  address,
});
const rule = (name: string, more: Partial<AuthorizationRule>): AuthorizationRule => ({
  policy: 'shop/p',
  name,
  action: 'Allow',
  mode: 'Enforce',
  ...more,
});

test('a decision is one object for all requests and callers, so that a counter can hang on it', () => {
  const { forCaller } = compileAuthorization([rule('all', { to: [{ paths: ['/a/**'] }] })], 80, 'Deny');
  const decision = forCaller(caller('shop', 'web')).decide('GET', '/a/b');
  assert.equal(decision.rule, 'all');
  assert.equal(forCaller(caller('ops', 'robot')).decide('POST', '/a/c'), decision);
  assert.equal(
    forCaller(caller('ops', 'robot')).decide('GET', '/b'),
    forCaller(anonymous('')).decide('GET', '/'),
  );
});

test('a rule has one decision to enforce and another to audit', () => {
  const rules = [
    rule('enforced', { to: [{ paths: ['/a'] }] }),
    rule('audited', { mode: 'Audit', action: 'Deny' }),
  ];
  const authorizer = compileAuthorization(rules, 80, 'Allow').forCaller(anonymous('10.0.0.1'));
  assert.equal(authorizer.decide('GET', '/a').rule, 'enforced');
  assert.equal(authorizer.audit('GET', '/a')?.rule, 'audited');
  assert.notEqual(authorizer.audit('GET', '/a'), authorizer.decide('GET', '/a'));
});

test('callers whom the same rules match share what is compiled', () => {
  const { forCaller } = compileAuthorization([rule('shop', { from: [{ namespace: 'shop' }] })], 80, 'Deny');
  assert.equal(forCaller(caller('shop', 'web')), forCaller(caller('shop', 'cart', '10.0.0.9')));
  assert.notEqual(forCaller(caller('shop', 'web')), forCaller(caller('ops', 'web')));
});

test('more callers than are remembered are each decided by their own rules', () => {
  const names = Array.from({ length: 200 }, (_, i) => `n${i}`);
  const rules = names.map((namespace) => rule(namespace, { from: [{ namespace }] }));
  const { forCaller } = compileAuthorization(rules, 80, 'Deny');
  const first = forCaller(caller('n0', 'web'));
  for (const namespace of [...names, ...names]) {
    assert.equal(forCaller(caller(namespace, 'web')).decide('GET', '/').rule, namespace);
  }
  assert.notEqual(forCaller(caller('n0', 'web')), first, 'the oldest was forgotten');
});

test('of 1,000 paths each is decided by the first rule that names it', () => {
  const rules = Array.from({ length: 1000 }, (_, i) =>
    rule(`r${i}`, { to: [{ paths: [`/p${i % 500}/*`] }] }),
  );
  const authorizer = compileAuthorization(rules, 80, 'Deny').forCaller(anonymous('10.0.0.1'));
  for (let i = 0; i < 500; i += 1) assert.equal(authorizer.decide('GET', `/p${i}/x`).rule, `r${i}`);
  assert.equal(authorizer.decide('GET', '/p500/x').rule, 'default');
});

const namespaces = fc.constantFrom('shop', 'ops');
const accounts = fc.constantFrom('web', 'robot');
const address = fc.constantFrom('10.0.0.1', '10.1.0.1', 'fd00::1', '');
const anyCaller = fc.oneof(
  fc.tuple(namespaces, accounts, address).map((parts) => caller(...parts)),
  address.map(anonymous),
);
const principal: fc.Arbitrary<Principal> = fc.oneof(
  fc.record({ namespace: namespaces }),
  fc.record({ namespace: namespaces, serviceAccount: fc.oneof(accounts, fc.constant('*')) }),
  fc.record({ serviceAccount: fc.constant('*') }),
  fc.record({ ipBlock: fc.constantFrom('10.0.0.0/16', '10.0.0.0/8', 'fd00::/8') }),
  fc.record({ spiffeId: fc.constant('spiffe://cluster.local/ns/shop/sa/web') }),
);
const segment = fc.constantFrom('a', 'b', 'ab', 'a;x', ';', '');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`);
const glob = fc
  .array(fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', '*;x', ''), { minLength: 1, maxLength: 3 })
  .map((segments) => `/${segments.join('/')}`);
const method = fc.constantFrom('GET', 'POST');
const operation: fc.Arbitrary<Operation> = fc.record(
  {
    methods: fc.array(method, { minLength: 1, maxLength: 2 }),
    paths: fc.array(glob, { minLength: 1, maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const anyRule = fc
  .record(
    {
      action: fc.constantFrom('Allow', 'Deny'),
      mode: fc.constantFrom('Enforce', 'Enforce', 'Audit'),
      from: fc.array(principal, { minLength: 1, maxLength: 2 }),
      to: fc.array(operation, { minLength: 1, maxLength: 2 }),
      ports: fc.array(fc.constantFrom(80, 81), { minLength: 1, maxLength: 1 }),
    },
    { requiredKeys: ['action', 'mode'] },
  )
  .map((more): Partial<AuthorizationRule> => more);
const rulesOf = fc
  .array(anyRule, { maxLength: 8 })
  .map((list) => list.map((more, i) => rule(`r${i}`, { policy: `shop/p${i}`, ...more })));
const call: fc.Arbitrary<Call> = fc.record({
  caller: anyCaller,
  method: fc.option(method, { nil: undefined }),
  path: fc.option(path, { nil: undefined }),
});

test('what is compiled for a caller decides and audits as going through the rules does', () => {
  fc.assert(
    fc.property(
      rulesOf,
      fc.constantFrom('Allow', 'Deny'),
      fc.constantFrom('', '', 'shop/trial'),
      fc.array(call, { minLength: 1 }),
      (rules, fallback, trial, calls) => {
        const authorizer = compileAuthorization(rules, 80, fallback, '', trial);
        for (const asked of calls) {
          const forCaller = authorizer.forCaller(asked.caller);
          const decision = forCaller.decide(asked.method, asked.path);
          assert.deepEqual(decision, decideNaively(rules, fallback, asked), JSON.stringify(asked));
          assert.equal(authorizer.decide(asked), decision);
          const audited = forCaller.audit(asked.method, asked.path);
          assert.deepEqual(audited, auditNaively(rules, fallback, trial, asked), JSON.stringify(asked));
          assert.equal(authorizer.audit?.(asked), audited);
        }
      },
    ),
    { numRuns: 4_000 },
  );
});

const NOTHING = { allowed: false, policy: '', rule: 'default' };

function decideNaively(rules: readonly AuthorizationRule[], fallback: 'Allow' | 'Deny', asked: Call) {
  const enforced = rules.filter(({ mode }) => mode === 'Enforce');
  return firstOf(enforced, asked) ?? { ...NOTHING, allowed: fallback === 'Allow' };
}

function auditNaively(
  rules: readonly AuthorizationRule[],
  fallback: 'Allow' | 'Deny',
  trial: string,
  asked: Call,
) {
  const audited = rules.filter(({ mode, ports }) => mode === 'Audit' && (ports?.includes(80) ?? true));
  if (audited.length === 0 && trial === '') return undefined;
  const last = trial === '' ? { ...NOTHING, allowed: fallback === 'Allow' } : { ...NOTHING, policy: trial };
  const decision = firstOf(rules, asked) ?? last;
  return decision.allowed ? undefined : decision;
}

function firstOf(rules: readonly AuthorizationRule[], asked: Call) {
  for (const wanted of ['Deny', 'Allow']) {
    for (const { policy, name, action, ports, from, to } of rules) {
      if (action !== wanted || !(ports?.includes(80) ?? true)) continue;
      if (!(from?.some((each) => isFrom(each, asked.caller)) ?? true)) continue;
      if (!(to?.some((each) => isTo(each, action === 'Deny', asked)) ?? true)) continue;
      return { allowed: action === 'Allow', policy, rule: name };
    }
  }
  return undefined;
}

const BLOCKS: Readonly<Record<string, (address: string) => boolean>> = {
  '10.0.0.0/8': (text) => text.startsWith('10.'),
  '10.0.0.0/16': (text) => text.startsWith('10.0.'),
  'fd00::/8': (text) => text.startsWith('fd'),
};

function isFrom({ spiffeId, namespace, serviceAccount, ipBlock }: Principal, who: Caller): boolean {
  if (spiffeId !== undefined && spiffeId !== who.spiffeId) return false;
  if (namespace !== undefined && namespace !== who.namespace) return false;
  if (serviceAccount === '*' && who.serviceAccount === undefined) return false;
  if (serviceAccount !== undefined && serviceAccount !== '*' && serviceAccount !== who.serviceAccount)
    return false;
  return ipBlock === undefined || BLOCKS[ipBlock]!(who.address);
}

function isTo({ methods, paths }: Operation, isDeny: boolean, asked: Call): boolean {
  if (methods !== undefined && !(asked.method === undefined ? isDeny : methods.includes(asked.method)))
    return false;
  if (paths === undefined) return true;
  if (asked.path === undefined) return isDeny;
  const readings = [asked.path, asked.path.replace(/;[^/]*/g, '').replace(/\/+/g, '/')];
  const readAs = asked.path.includes(';') ? readings : readings.slice(0, 1);
  const isOneOf = (text: string) => paths.some((pattern) => asRegExp(pattern).test(text));
  return isDeny ? readAs.some(isOneOf) : readAs.every(isOneOf);
}

function asRegExp(pattern: string): RegExp {
  const parts = pattern.slice(1).split('/');
  const source = parts.map((part) => {
    if (part === '**') return '(?:/[^/]*)*';
    return part === '*' ? '/[^/]+' : `/${part.replaceAll('*', '[^/]*')}`;
  });
  return new RegExp(`^${source.join('')}$`);
}

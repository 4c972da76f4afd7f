import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TrailRecord } from '../../api/trail-record.ts';
import { inbound } from '../trail/record.fixture.ts';
import { type ProposeOptions, propose } from './propose.ts';

const TD = 'spiffe://cluster.local';
const WEB = `${TD}/ns/shop/sa/web`;
const OPTIONS: ProposeOptions = {
  ...{ namespace: 'shop', controlPlaneNamespace: 'weft-system', trustDomain: 'cluster.local' },
  ...{ withAddresses: false, isConditional: () => false },
};

const from = (caller: string, more: Partial<TrailRecord> = {}): TrailRecord =>
  inbound({ caller, callerAddress: '10.0.0.9', path: '/v1', ...more }).record;
const web = (path: string | undefined, more: Partial<TrailRecord> = {}) => from(WEB, { path, ...more });
const refused = (record: TrailRecord, more: Partial<TrailRecord> = {}): TrailRecord => ({
  ...record,
  ...{ verdict: 'denied', code: 'denied', status: 403, policy: 'shop/p' },
  ...more,
});
const plain = (address: string) => from(address, { callerAddress: address, encrypted: false });
const proposed = (records: readonly TrailRecord[], options: Partial<ProposeOptions> = {}) =>
  propose(records, { ...OPTIONS, ...options });
/** `from: METHODS paths; …` of each rule. */
const rulesOf = (...args: Parameters<typeof proposed>) =>
  proposed(...args).rules.map(({ from: callers, to }) => {
    const operations = to.map(({ operation: { methods, paths } }) => `${methods} ${paths ?? '(any path)'}`);
    return `${callers.map((caller) => Object.values(caller).join('/'))}: ${operations.join('; ')}`;
  });
const gapsOf = (...args: Parameters<typeof proposed>) =>
  proposed(...args).uncovered.map(({ caller, reason, seen }) => [
    ...[caller, reason, seen.reduce((sum, { requests }) => sum + requests, 0)],
  ]);

describe('a proposal', () => {
  it('allows who called what they asked for, with data as wildcards, and nothing else', () => {
    const records = [web('/v1/charges'), web('/v1/charges/1'), web('/v1/events/2', { method: 'DELETE' })];
    assert.deepEqual(rulesOf(records), ['web: DELETE /v1/events/*; GET /v1/charges,/v1/charges/*']);
  });

  it('puts paths with the same methods together, and no path with methods that it was not asked with', () => {
    const records = ['/a', '/b'].flatMap((path) => [web(path), web(path, { method: 'POST' })]);
    assert.deepEqual(rulesOf([...records, web('/c')]), ['web: GET /c; GET,POST /a,/b']);
  });

  it('puts callers who ask for the same into one rule, and only those', () => {
    const records = [`${TD}/ns/ops/sa/job`, WEB, `${TD}/ns/shop/sa/app`].map((caller) => from(caller));
    assert.deepEqual(rulesOf(records), ['ops/job,web,app: GET /v1']);
    assert.deepEqual(rulesOf([...records, web('/v2')]), ['web: GET /v1,/v2', 'ops/job,app: GET /v1']);
  });

  it('counts what each rule and operation is from', () => {
    const records = [web('/a/1', { endedMs: 3_000 }), web('/a/2', { endedMs: 9_000 }), web('/a/2')];
    const [rule] = proposed(records).rules;
    assert.deepEqual([rule?.requests, rule?.firstMs, rule?.lastMs], [3, 1_000, 9_000]);
    assert.deepEqual([rule?.to[0]?.requests, rule?.to[0]?.paths], [3, 2]);
  });

  it('names callers as policies do: of another namespace with it, of another trust domain as a whole', () => {
    const stranger = 'spiffe://other.example/ns/shop/sa/web';
    assert.deepEqual(rulesOf([from(stranger)]), [`${stranger}: GET /v1`]);
    const odd = `${TD}/ns/a.b/sa/web`;
    assert.deepEqual(rulesOf([from(odd)]), [`${odd}: GET /v1`]);
    const home = { namespace: 'weft-system', controlPlaneNamespace: 'weft-system' };
    assert.deepEqual(rulesOf([from(`${TD}/ns/weft-system/sa/x`)], home), ['weft-system/x: GET /v1']);
  });

  it('leaves out a caller whose identity cannot be written', () => {
    for (const caller of [
      'spiffe://td',
      'spiffe://TD/x',
      'spiffe://td/a b',
      `spiffe://td/${'x'.repeat(600)}`,
    ]) {
      assert.deepEqual(gapsOf([from(caller)]), [[caller, 'nameless', 1]]);
      assert.deepEqual(rulesOf([from(caller)]), []);
    }
  });

  it('allows nobody without identity, unless it is asked to', () => {
    const records = [web('/v1'), plain('10.0.0.7'), plain('fd00::7')];
    assert.deepEqual(rulesOf(records), ['web: GET /v1']);
    assert.deepEqual(gapsOf(records), [
      ['10.0.0.7', 'anonymous', 1],
      ['fd00::7', 'anonymous', 1],
    ]);
    const withAddresses = { withAddresses: true };
    assert.deepEqual(rulesOf(records, withAddresses), ['web: GET /v1', '10.0.0.7/32,fd00::7/128: GET /v1']);
    assert.deepEqual(rulesOf([plain('10.0.0.7/0')], withAddresses), []);
  });

  it('takes an identity that was not proven for none', () => {
    assert.deepEqual(rulesOf([from(WEB, { encrypted: false })]), []);
  });

  it('does not look at what no policy had a say in', () => {
    assert.deepEqual(proposed([web('/v1', { verdict: '', code: 'bad-request' })]), {
      ...{ rules: [], uncovered: [], denied: [], deniedBefore: 0, allowed: 0 },
    });
  });

  it('counts a request over a rate limit as allowed', () => {
    assert.deepEqual(rulesOf([web('/v1', { code: 'rate-limited', status: 429 })]), ['web: GET /v1']);
  });
});

describe('what was denied', () => {
  it('is never allowed, and is told', () => {
    const { rules, denied } = proposed([
      web('/v1'),
      refused(web('/admin')),
      refused(from(`${TD}/ns/shop/sa/x`)),
    ]);
    assert.deepEqual(
      rules[0]?.to.map(({ operation }) => operation.paths),
      [['/v1']],
    );
    assert.deepEqual(
      denied.map(({ caller, seen }) => [caller, seen.path]),
      [
        ['web', '/admin'],
        ['x', '/v1'],
      ],
    );
  });

  it('keeps a wildcard from being proposed that would take it: the paths are written out', () => {
    const records = [web('/a/1'), web('/a/2'), refused(web('/a/3'))];
    assert.deepEqual(rulesOf(records), ['web: GET /a/1,/a/2']);
    // others and other methods are not concerned
    assert.deepEqual(rulesOf([web('/a/1'), refused(from(`${TD}/ns/shop/sa/x`, { path: '/a/3' }))]), [
      'web: GET /a/*',
    ]);
    assert.deepEqual(rulesOf([web('/a/1'), refused(web('/a/3', { method: 'PUT' }))]), ['web: GET /a/*']);
  });

  it('keeps a path from being proposed that cannot be told from it', () => {
    // `*` cannot be written so that it means itself
    assert.deepEqual(gapsOf([web('/a/*'), refused(web('/a/3'))]), [['web', 'denied', 1]]);
    assert.deepEqual(gapsOf([web('/b;x'), refused(web('/b'))]), [['web', 'denied', 1]]);
    const cut = refused(web('/a/zzz', { pathIsCut: true }));
    assert.deepEqual(rulesOf([web('/a/1'), cut]), ['web: GET /a/1']);
  });

  it('keeps the same request from being proposed where it was denied after it was allowed', () => {
    const records = [web('/v1', { endedMs: 1_000 }), refused(web('/v1', { endedMs: 2_000 }))];
    assert.deepEqual(gapsOf(records), [['web', 'denied', 1]]);
    assert.deepEqual(rulesOf(records), []);
    // it came back and forth
    assert.deepEqual(rulesOf([...records, web('/v1', { endedMs: 3_000 })]), []);
  });

  it('does not count any more where the same was allowed ever since, and is told', () => {
    const records = [refused(web('/v1', { endedMs: 1_000 })), web('/v1', { endedMs: 2_000 })];
    assert.deepEqual(rulesOf(records), ['web: GET /v1']);
    assert.equal(proposed(records).deniedBefore, 1);
  });

  it('counts all the same where the rule that allows it asks for what is not kept', () => {
    const records = [
      refused(web('/v1', { endedMs: 1_000 })),
      web('/v1', { endedMs: 2_000, policy: 'shop/p', rule: 'with-token' }),
    ];
    const isConditional = (rule: string) => rule === 'shop/p with-token';
    assert.deepEqual(rulesOf(records, { isConditional }), []);
    assert.deepEqual(proposed([records[1]!], { isConditional }).rules[0]?.conditional, ['shop/p with-token']);
  });

  it('to another caller at the same address is not allowed by that address', () => {
    for (const endedMs of [0, 2_000]) {
      const records = [plain('10.0.0.9'), refused(web('/v1', { endedMs }))];
      assert.deepEqual(rulesOf(records, { withAddresses: true }), []);
    }
  });

  it('to an identity of another trust domain counts where a rule names the service account alone', () => {
    const other = 'spiffe://other.example/ns/shop/sa/web';
    const records = [web('/v1'), refused(from(other, { endedMs: 2_000 }))];
    assert.deepEqual(rulesOf(records), []);
  });

  it('with a method that was cut counts for every method', () => {
    const long = refused(web('/a/3', { method: 'M'.repeat(32) }));
    assert.deepEqual(rulesOf([web('/a/1'), long]), ['web: GET /a/1']);
  });
});

describe('what no rule can say', () => {
  for (const [what, record, reason] of [
    ['a path that was cut', web('/v1/a', { pathIsCut: true }), 'cut'],
    ['a method in small letters', web('/v1', { method: 'get' }), 'method'],
    ['a method that may be longer', web('/v1', { method: 'M'.repeat(32) }), 'method'],
    ['a method of other signs', web('/v1', { method: 'GET\n- x' }), 'method'],
    ['a path that servers read in different ways', web('/a%2Fb'), 'ambiguous'],
    ['a path that no sidecar keeps', web('/a: {b}\n'), 'unwritable'],
  ] as const) {
    it(`is told: ${what}`, () => {
      assert.deepEqual(gapsOf([record]), [['web', reason, 1]]);
      assert.deepEqual(rulesOf([record]), []);
    });
  }

  it('is not the lack of a path', () => {
    assert.deepEqual(rulesOf([web(undefined, { method: 'CONNECT' })]), ['web: CONNECT (any path)']);
    const options = [web(undefined, { method: 'OPTIONS' }), refused(web('/x', { method: 'OPTIONS' }))];
    assert.deepEqual(gapsOf(options), [['web', 'denied', 1]]);
  });
});

describe('the size of a proposal', () => {
  const words = (count: number) =>
    Array.from({ length: count }, (_, n) => `/${'abcdefghij'[n % 10]}${'k'.repeat(n / 10)}`);

  it('is bounded: the most frequent paths of a caller, and the others are counted', () => {
    const records = words(100).map((path) => web(path));
    const { rules, uncovered } = proposed([...records, web('/often'), web('/often')]);
    const paths = rules.flatMap(({ to }) => to.flatMap(({ operation }) => operation.paths ?? []));
    assert.equal(paths.length, 64);
    assert.ok(paths.includes('/often'));
    assert.equal(uncovered.flatMap(({ seen }) => seen).length, 101 - 64);
    assert.ok(rules.every(({ to }) => to.every(({ operation }) => (operation.paths?.length ?? 0) <= 32)));
  });

  it('is bounded: callers with wishes of their own, and the others are counted', () => {
    const records = Array.from({ length: 100 }, (_, n) =>
      from(`${TD}/ns/shop/sa/c${n}`, { path: words(100)[n] }),
    );
    const { rules, uncovered } = proposed(records);
    assert.equal(rules.length, 64);
    assert.equal(uncovered.length, 36);
    assert.ok(uncovered.every(({ reason }) => reason === 'tooManyRules'));
  });

  it('lets many callers who ask for the same stand in few rules', () => {
    const records = Array.from({ length: 100 }, (_, n) => from(`${TD}/ns/shop/sa/c${n}`));
    const { rules, uncovered } = proposed(records);
    assert.deepEqual([rules.map(({ from: callers }) => callers.length), uncovered], [[32, 32, 32, 4], []]);
    assert.equal(new Set(rules.map(({ name }) => name)).size, 4);
  });

  it('is bounded in characters', () => {
    const long = (n: number, m: number) =>
      `/${`${'wxyz'[n % 4]}`.repeat(38)}/${'v'.repeat(38)}/${'abcdefghij'[m % 10]}${'u'.repeat(m)}`;
    const records = Array.from({ length: 60 * 30 }, (_, n) =>
      from(`${TD}/ns/shop/sa/c${n % 60}`, { path: long(n % 60, n % 37) }),
    );
    assert.ok(
      JSON.stringify(proposed(records).rules.map(({ to }) => to.map(({ operation }) => operation))).length <
        64 * 1024,
    );
  });
});

it('rules have names that a policy may have, after their callers', () => {
  const callers = ['a.b', `${'x'.repeat(80)}`, 'a-b'].map((name) =>
    from(`${TD}/ns/shop/sa/${name}`, { path: `/${name}` }),
  );
  const names = proposed(callers).rules.map(({ name }) => name);
  assert.deepEqual(names, ['a-b', 'x'.repeat(50), 'a-b-2']);
  const [merged] = proposed([web('/a'), from(`${TD}/ns/ops/sa/job`, { path: '/a' })]).rules;
  assert.equal(merged?.name, 'web-and-1-more');
  const [stranger] = proposed([from('spiffe://other.example/ns/a/sa/b')]).rules;
  assert.equal(stranger?.name, 'other-example-ns-a-sa-b');
});

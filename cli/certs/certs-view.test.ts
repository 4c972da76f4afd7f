import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CaReport } from '../../api/ca-report.ts';
import { certsText } from './certs-text.ts';
import { certsView, type HeldIdentity } from './certs-view.ts';
import { readIdentity } from './read-identity.ts';
import { readReport } from './read-report.ts';

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 0, 1);
const at = (hours: number) => new Date(NOW + hours * HOUR_MS).toISOString();
const OLD = 'a'.repeat(64);
const NEW = 'b'.repeat(64);

const root = (fingerprint: string, role: 'signs' | 'next' | 'previous', hours = 80_000) => ({
  ...{ fingerprint, role, subject: 'O=Weft', notBefore: at(-7_600), notAfter: at(hours) },
});
const REPORT: CaReport = {
  ...{ phase: 'Steady', since: at(-100), until: at(60_000), rotateAt: at(60_000) },
  ...{ roots: [root(OLD, 'signs')], waitingFor: [], silent: [] },
};
const HELD: HeldIdentity = {
  ...{ spiffeId: 'spiffe://cluster.local/ns/shop/sa/web', notBefore: at(-8), notAfter: at(16) },
  ...{ signer: OLD, roots: [OLD] },
};
const ISSUER = { name: 'ClusterIssuer/mesh-ca', pending: 0, isHeld: false };
const view = (identity: Partial<HeldIdentity> = {}, report: Partial<CaReport> = {}) =>
  certsView({ ...REPORT, ...report }, [{ proxy: 'shop/web', answer: { ...HELD, ...identity } }], NOW);

describe('what is worth a look', () => {
  it('is nothing when all is well', () => {
    assert.deepEqual(view().problems, []);
    const proxies = view().proxies;
    assert.deepEqual(proxies, [{ proxy: 'shop/web', identity: HELD }]);
  });

  const worth: [string, Partial<HeldIdentity>, Partial<CaReport>, RegExp][] = [
    ['a certificate that has expired', { notAfter: at(0) }, {}, /web: its certificate has expired/],
    ['one that was not renewed', { notBefore: at(-19), notAfter: at(5) }, {}, /expires soon/],
    ['one of a root that is not trusted', { signer: undefined as never }, {}, /no root that it trusts/],
    ['a sidecar without the root that signs', { roots: [NEW] }, {}, /does not trust the root that signs/],
    ['a root that has expired', {}, { roots: [root(OLD, 'signs', -1)] }, /root that signs has expired/],
    ['a root that ends soon', {}, { roots: [root(OLD, 'signs', 700)] }, /root that signs expires soon/],
    ['no root that signs', {}, { roots: [] }, /no root signs/],
    ['a rotation that does not begin', {}, { rotateAt: at(-2) }, /does an operator run/],
    [
      'an issuer that does not sign',
      {},
      { issuer: { ...ISSUER, failingSince: at(-1), reason: 'Denied: not you' } },
      /the issuer ClusterIssuer\/mesh-ca does not sign: Denied: not you/,
    ],
    [
      'an issuer that does not follow its root',
      {},
      { rotateAt: at(-2), issuer: ISSUER },
      /the issuer ClusterIssuer\/mesh-ca has to make it/,
    ],
    ['one that does not go on', {}, { phase: 'Renewing', until: at(-2) }, /been Renewing for longer/],
  ];
  for (const [name, identity, report, problem] of worth) {
    it(`is ${name}`, () => {
      const { problems } = view(identity, report);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, problem);
    });
  }

  it('is a sidecar that could not be asked, that has no certificate, and an operator that says nothing', () => {
    const asked = [
      { proxy: 'shop/a', answer: { problem: 'could not be asked: it is gone' } },
      { proxy: 'shop/b', answer: undefined },
    ];
    assert.deepEqual(certsView(undefined, asked, NOW).problems, [
      'no operator has reported the state of the root yet',
      'shop/a: could not be asked: it is gone',
      'shop/b: has no certificate',
    ]);
  });
});

describe('the text', () => {
  it('says in the middle of a rotation who signs, who is waited for, and who trusts what', () => {
    const report: Partial<CaReport> = {
      ...{ phase: 'Distributing', until: at(20), waitingFor: ['shop/old'] },
      roots: [root(OLD, 'signs'), root(NEW, 'next')],
    };
    const lines = certsText(view({ roots: [OLD, 'c'.repeat(64)] }, report), NOW);
    assert.match(lines[0]!, /^Distributing: a new root is trusted, .* in 20 h$/);
    assert.equal(lines[1], 'waits for shop/old');
    const text = lines.join('\n');
    assert.match(text, /aaaaaaaaaaaa +signs +2025-/);
    assert.match(text, /bbbbbbbbbbbb +signs next/);
    assert.match(text, /shop\/web +ends in 16 h +aaaaaaaaaaaa +1 of 2, and 1 no longer in force/);
  });

  it('says who signs instead, how many wait for it, and since when and why it does not', () => {
    const calm = certsText(view({}, { issuer: ISSUER }), NOW);
    assert.equal(calm[0], 'Steady: one root is trusted, and the issuer signs with it');
    assert.equal(calm[1], 'issuer ClusterIssuer/mesh-ca signs, 0 pending');
    const failing = { ...ISSUER, pending: 3, isHeld: true, failingSince: at(-5), reason: 'TimedOut: away' };
    const lines = certsText(view({}, { issuer: failing }), NOW);
    assert.equal(lines[1], 'issuer ClusterIssuer/mesh-ca does not sign, since 5 h ago, 3 pending');
    assert.equal(lines[2], '  TimedOut: away');
    assert.match(lines[3]!, /held back until everybody trusts it/);
  });

  it('says that an issuer has signed nothing yet', () => {
    const times = { since: at(0), until: at(0), rotateAt: at(0) };
    const lines = certsText(view({}, { phase: 'Waiting', ...times, roots: [], issuer: ISSUER }), NOW);
    assert.match(lines[0]!, /^Waiting: there is no root/);
    assert.ok(lines.includes('! no root signs'));
  });

  it('names everything worth a look at its end', () => {
    const lines = certsText(view({ notAfter: at(-3) }, { silent: ['shop/old'] }), NOW);
    assert.equal(lines[1], 'did not wait for shop/old');
    assert.equal(lines.at(-1), '! shop/web: its certificate has expired');
    assert.match(lines.join('\n'), /ends 3 h ago/);
  });

  it('of a mesh without sidecars says so', () => {
    assert.ok(certsText(certsView(REPORT, [], NOW), NOW).includes('no pod with a sidecar'));
  });
});

describe('what is read', () => {
  it('is the certificate of a sidecar, or that it has none', () => {
    assert.deepEqual(readIdentity({ identity: HELD, more: 1 }), HELD);
    assert.equal(readIdentity({ ready: false }), undefined);
  });
  for (const answer of [undefined, [], 7, { identity: 'x' }, { identity: {} }]) {
    it(`is refused as ${JSON.stringify(answer)}`, () => {
      assert.throws(() => readIdentity(answer), /something else|older than this one/);
    });
  }
  it('of a sidecar that is too old is refused with the reason', () => {
    const { spiffeId, notAfter } = HELD;
    assert.throws(() => readIdentity({ identity: { spiffeId, notAfter } }), /older than this one/);
  });

  it('is the report, or that there is none', () => {
    assert.deepEqual(readReport(JSON.stringify(REPORT)), REPORT);
    assert.equal(readReport(undefined), undefined);
  });
  for (const change of [
    { phase: 1 },
    { until: 'soon' },
    { roots: [{}] },
    { silent: 'x' },
    { waitingFor: [1] },
    { issuer: 'x' },
    { issuer: { ...ISSUER, pending: '0' } },
    { issuer: { ...ISSUER, failingSince: 'soon' } },
  ]) {
    it(`is no report with ${JSON.stringify(change)}`, () => {
      assert.throws(() => readReport(JSON.stringify({ ...REPORT, ...change })), /cannot be read/);
    });
  }
  it('is no report when it is no JSON', () => {
    for (const text of ['{', 'null', '[]']) assert.throws(() => readReport(text), /cannot be read/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TRUST_BUNDLE_SERIAL } from '../../api/stream.ts';
import { createTestAuthority } from '../../test/fixtures/certificate-authority.ts';
import { describeCertificate, isOlderBundle, isWithin, rootsOf, serialOf } from './trust-bundle.ts';

const numbered = (serial: string, bundle = '') => `${TRUST_BUNDLE_SERIAL}${serial}\n${bundle}`;

describe('the number of a trust bundle', () => {
  it('stands in its first line', () => {
    assert.equal(serialOf(numbered('12')), 12);
    for (const text of [
      '',
      'x',
      numbered(''),
      numbered('1x'),
      numbered('9'.repeat(17)),
      ` ${numbered('1')}`,
    ]) {
      assert.equal(serialOf(text), undefined, text);
    }
  });

  it('tells which of two is older, when both have one', () => {
    assert.equal(isOlderBundle(numbered('1'), numbered('2')), true);
    for (const [bundle, than] of [
      [numbered('2'), numbered('2')],
      [numbered('3'), numbered('2')],
      ['', numbered('2')],
      [numbered('1'), ''],
      [numbered('1'), undefined],
    ] as const) {
      assert.equal(isOlderBundle(bundle, than), false);
    }
  });
});

describe('the roots of a trust bundle', () => {
  it('are told by their fingerprints, and which of them has signed', async () => {
    const [one, two] = [await createTestAuthority(), await createTestAuthority()];
    const both = numbered('1', `${one.root}\n${two.root}`);
    assert.equal(rootsOf(both).length, 2);
    assert.deepEqual(rootsOf(two.root), rootsOf(both).slice(1));
    assert.match(rootsOf(one.root)[0]!, /^[0-9a-f]{64}$/);
    assert.equal(isWithin(one.root, both), true);
    assert.equal(isWithin(both, one.root), false);
    const { certificate } = await two.issue({ dns: ['p1'] });
    const described = describeCertificate({ certificate, trustBundle: both });
    assert.equal(described.signer, rootsOf(two.root)[0]);
    assert.equal(describeCertificate({ certificate, trustBundle: one.root }).signer, undefined);
    assert.deepEqual(described.roots, rootsOf(both));
  });
});

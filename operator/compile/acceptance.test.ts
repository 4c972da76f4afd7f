import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { policy, SETTINGS } from '../testing/builders.ts';
import { judge } from './acceptance.ts';

const about = (spec: unknown, key = 'shop/a') => judge(policy(key, spec as MeshPolicySpec), SETTINGS);
const rule = (from: object) => ({
  inbound: { authorization: { rules: [{ name: 'r', action: 'Allow', from: [from] }] } },
});

describe('a policy is accepted', () => {
  it('when all it says is enforced', () => {
    const { accepted, reason } = about({ inbound: { mtls: { mode: 'Strict' } } });
    assert.deepEqual({ accepted, reason }, { accepted: true, reason: 'Accepted' });
  });
  it('with kind Mesh in the control plane’s namespace', () => {
    const spec = { target: { kind: 'Mesh' }, inbound: { mtls: { mode: 'Strict' } } };
    assert.equal(about(spec, 'weft-system/a').accepted, true);
  });
  it('with a service account and its namespace in the control plane’s namespace', () => {
    assert.equal(about(rule({ namespace: 'shop', serviceAccount: 'web' }), 'weft-system/a').accepted, true);
  });
});

describe('a policy is not accepted', () => {
  const cases: [string, unknown, string, string, RegExp][] = [
    [
      'with a field that is not enforced, which is named',
      { inbound: { rateLimit: [{ name: 'a', requests: 1, per: '1s', key: { type: 'Global' } }] } },
      'shop/a',
      'NotImplemented',
      /spec\.inbound\.rateLimit.*remove it/,
    ],
    [
      'with an unknown field',
      { inbound: { mtls: { mode: 'Strict' }, typo: 1 } },
      'shop/a',
      'Invalid',
      /typo/,
    ],
    ['without a spec', undefined, 'shop/a', 'Invalid', /spec/],
    ['when the spec is no object', 'Strict', 'shop/a', 'Invalid', /spec/],
    [
      'with kind Mesh anywhere else',
      { target: { kind: 'Mesh' }, inbound: { mtls: { mode: 'Strict' } } },
      'shop/a',
      'InvalidTarget',
      /only in namespace weft-system/,
    ],
    [
      'with a service account of nobody’s namespace',
      rule({ serviceAccount: 'web' }),
      'weft-system/a',
      'Invalid',
      /needs its namespace/,
    ],
    [
      'when it is larger than a proxy can hold',
      { inbound: { junk: 'x'.repeat(70_000) } },
      'shop/a',
      'TooLarge',
      /split it/,
    ],
  ];
  for (const [name, spec, key, reason, message] of cases) {
    it(name, () => {
      const verdict = about(spec, key);
      assert.equal(verdict.accepted, false);
      assert.equal(verdict.reason, reason);
      assert.match(verdict.message, message);
    });
  }
});

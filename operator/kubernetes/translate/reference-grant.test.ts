import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { GrantObject } from '../objects.ts';
import { translateReferenceGrant } from './reference-grant.ts';

const POLICY = { group: 'weft.dev', kind: 'MeshPolicy', namespace: 'shop' };
const SERVICE = { group: '', kind: 'Service' };
const grant = (spec: unknown, metadata: object = { name: 'a', namespace: 'ops' }) =>
  translateReferenceGrant({ metadata, spec } as GrantObject);

describe('a ReferenceGrant', () => {
  it('of MeshPolicies to Services is one of the mesh', () => {
    assert.deepEqual(grant({ from: [POLICY], to: [SERVICE, { ...SERVICE, name: 'pay' }] }), {
      ...{ key: 'ops/a', namespace: 'ops', from: [{ namespace: 'shop' }] },
      to: [{ name: undefined }, { name: 'pay' }],
    });
  });

  it('counts only as far as it is about MeshPolicies and core Services', () => {
    const others = { from: [{ ...POLICY, kind: 'HTTPRoute', namespace: 'x' }, POLICY], to: [SERVICE] };
    assert.deepEqual(grant(others)?.from, [{ namespace: 'shop' }]);
  });

  for (const [what, spec] of [
    [
      'is for routes of the Gateway API',
      { from: [{ ...POLICY, group: 'gateway.networking.k8s.io' }], to: [SERVICE] },
    ],
    ['is to Secrets', { from: [POLICY], to: [{ group: '', kind: 'Secret' }] }],
    [
      'is to Services of another group',
      { from: [POLICY], to: [{ group: 'serving.knative.dev', kind: 'Service' }] },
    ],
    ['says nothing', undefined],
  ] as const) {
    it(`is none of ours when it ${what}`, () => assert.equal(grant(spec), undefined));
  }

  it('without a namespace is none', () => {
    assert.equal(grant({ from: [POLICY], to: [SERVICE] }, { name: 'a' }), undefined);
  });
});

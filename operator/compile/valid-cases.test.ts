import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type MeshPolicySpec, targetKind } from '../../api/mesh-policy.ts';
import { POLICY_CASES } from '../../api/policy/cases.ts';
import { policy, SETTINGS } from '../testing/builders.ts';
import { compiledWith } from '../testing/compiled.ts';
import { judge } from './acceptance.ts';

describe('every valid policy', () => {
  const specs = POLICY_CASES.filter(({ valid }) => valid).map(({ name, document }) => {
    return { name, spec: (document as { spec: MeshPolicySpec }).spec };
  });
  assert.ok(specs.length > 30);

  for (const { name, spec } of specs) {
    it(`is accepted, and compiles to what sidecars accept: ${name}`, () => {
      const isOfPlatform = targetKind(spec) === 'Mesh' || spec.enforcement === 'Mandatory';
      const about = policy(isOfPlatform ? 'weft-system/a' : 'shop/a', spec);
      assert.equal(judge(about, SETTINGS).message, 'the policy is valid');
      compiledWith([about]);
    });
  }
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asJsonSchema } from './generate/json-schema.ts';
import { fieldsOf } from './generate/reference.ts';
import { type MeshPolicySpec, MeshPolicySpecSchema } from './mesh-policy.ts';
import { ENFORCED_PATHS, isEnforced, notImplementedFields } from './not-implemented.ts';
import { POLICY_CASES } from './policy/cases.ts';

const leaves = fieldsOf(asJsonSchema(MeshPolicySpecSchema), 'spec').flatMap(({ leafPath }) => leafPath ?? []);

/** A spec that holds one leaf and nothing else: `spec.a[].b` → {a: [{b: 'x'}]}. */
function specWith(leaf: string): MeshPolicySpec {
  const steps = leaf.replaceAll('[]', '.[]').split('.').slice(1);
  const value = steps.reduceRight<unknown>(
    (inner, step) => (step === '[]' ? [inner] : { [step]: inner }),
    'x',
  );
  return value as MeshPolicySpec;
}

describe('fields that are not implemented', () => {
  test('the schema has leaves', () => assert.ok(leaves.length > 100));

  for (const leaf of leaves) {
    const reported = notImplementedFields(specWith(leaf)).filter((path) => covers(path, leaf));
    if (!isEnforced(leaf)) {
      test(`${leaf} is reported`, () => assert.equal(reported.length, 1));
    } else {
      test(`${leaf} is enforced`, () => assert.deepEqual(reported, []));
    }
  }

  test('every path on the list of enforced fields is a leaf of the schema', () => {
    assert.deepEqual(
      [...ENFORCED_PATHS].filter((path) => !leaves.includes(path)),
      [],
    );
  });

  test('a field the schema does not have yet is reported', () => {
    const spec = { inbound: { mtls: { mode: 'Strict', later: 1 }, further: { a: 1 } }, beyond: [] };
    assert.deepEqual(notImplementedFields(spec as unknown as MeshPolicySpec), [
      'spec.beyond',
      'spec.inbound.further',
      'spec.inbound.mtls.later',
    ]);
  });

  test('each is named once, as the shortest path under which nothing is enforced', () => {
    const routes = [
      { name: 'a', later: { x: 1, y: 2 } },
      { name: 'b', later: { x: 3 } },
    ];
    assert.deepEqual(notImplementedFields({ traffic: { routes } } as unknown as MeshPolicySpec), [
      'spec.traffic.routes[].later',
    ]);
  });

  test('there are none in a policy that says everything', () => {
    const everything = POLICY_CASES.find((one) => one.name === 'everything at once');
    const { spec } = everything!.document as { spec: MeshPolicySpec };
    assert.deepEqual(notImplementedFields(spec), []);
  });

  test('labels with dots and slashes are enforced like others', () => {
    const target = {
      kind: 'Workload',
      selector: { matchLabels: { 'app.kubernetes.io/name': 'a' } },
    } as const;
    assert.deepEqual(notImplementedFields({ target, inbound: { mtls: { mode: 'Strict' } } }), []);
  });

  test('Mandatory is enforced as Default is', () => {
    const inbound = { mtls: { mode: 'Strict' } } as const;
    assert.deepEqual(notImplementedFields({ enforcement: 'Mandatory', inbound }), []);
    assert.deepEqual(notImplementedFields({ enforcement: 'Default', inbound }), []);
  });

  test('claims with dots and slashes are enforced like others', () => {
    const when = { jwt: { issuer: 'https://a.b', claims: { 'https://a.b/role.name': ['admin'] } } };
    const rules = [{ name: 'a', action: 'Allow' as const, when }];
    assert.deepEqual(notImplementedFields({ inbound: { authorization: { rules } } }), []);
  });
});

function covers(path: string, leaf: string): boolean {
  return leaf === path || leaf.startsWith(`${path}.`) || leaf.startsWith(`${path}[`);
}

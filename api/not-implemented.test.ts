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
    } else if (leaf !== 'spec.traffic.protocol') {
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
    const everything = POLICY_CASES.find((one) => one.name === 'everything at once');
    const { spec } = everything!.document as { spec: MeshPolicySpec };
    assert.deepEqual(notImplementedFields(spec), [
      'spec.egress',
      'spec.inbound.authorization.rules[].to[].grpc',
      'spec.inbound.authorization.rules[].to[].headers',
      'spec.inbound.authorization.rules[].to[].hosts',
      'spec.inbound.authorization.rules[].when',
      'spec.inbound.jwt',
      'spec.inbound.limits',
      'spec.inbound.rateLimit',
      'spec.target.ports',
      'spec.telemetry',
      'spec.traffic.circuitBreaker',
      'spec.traffic.healthCheck',
      'spec.traffic.loadBalancing',
      'spec.traffic.outlierDetection',
      'spec.traffic.retryBudget',
      'spec.traffic.routes',
      'spec.traffic.timeout',
    ]);
  });

  test('labels with dots and slashes are enforced like others', () => {
    const target = {
      kind: 'Workload',
      selector: { matchLabels: { 'app.kubernetes.io/name': 'a' } },
    } as const;
    assert.deepEqual(notImplementedFields({ target, inbound: { mtls: { mode: 'Strict' } } }), []);
  });

  test('Mandatory is not enforced, Default is', () => {
    const inbound = { mtls: { mode: 'Strict' } } as const;
    assert.deepEqual(notImplementedFields({ enforcement: 'Mandatory', inbound }), ['spec.enforcement']);
    assert.deepEqual(notImplementedFields({ enforcement: 'Default', inbound }), []);
  });

  test('the protocol is enforced for a Service only', () => {
    const traffic = { protocol: 'HTTP' } as const;
    assert.deepEqual(notImplementedFields({ target: { kind: 'Service', name: 'a' }, traffic }), []);
    assert.deepEqual(notImplementedFields({ traffic }), ['spec.traffic.protocol']);
  });

  test('ports are enforced for inbound only', () => {
    const target = { kind: 'Service', name: 'a', ports: [80] } as const;
    const spec: MeshPolicySpec = { target: { ...target, ports: [80] }, traffic: { protocol: 'HTTP' } };
    assert.deepEqual(notImplementedFields(spec), ['spec.target.ports']);
  });
});

function covers(path: string, leaf: string): boolean {
  return leaf === path || leaf.startsWith(`${path}.`) || leaf.startsWith(`${path}[`);
}

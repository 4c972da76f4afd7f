import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Check } from 'typebox/value';
import { DestinationSchema } from '../destination.ts';
import { asJsonSchema } from '../generate/json-schema.ts';
import { validate as destinationShape } from '../generated/destination.js';
import { validate as meshPolicyShape } from '../generated/mesh-policy.js';
import { validate as proxyConfigShape } from '../generated/proxy-config.js';
import { MeshPolicySchema, MeshPolicySpecSchema } from '../mesh-policy.ts';
import { ProxyConfigSchema } from '../proxy-config.ts';
import { validateMeshPolicy } from '../validate.ts';
import { valuesOf } from './arbitrary.ts';
import { POLICY_CASES } from './cases.ts';

const documents = valuesOf(asJsonSchema(MeshPolicySpecSchema)).map((spec) => ({
  apiVersion: 'weft.dev/v1alpha1',
  kind: 'MeshPolicy',
  metadata: { name: 'any', namespace: 'shop' },
  spec,
}));

/** A document in which one value, anywhere, is replaced by any other. */
function damaged(document: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...placesOf(document)), fc.jsonValue({ maxDepth: 1 }))
    .map(([place, value]) => {
      const copy = structuredClone(document) as Record<string, unknown>;
      const parent = place.slice(0, -1).reduce((at, step) => at[step] as Record<string, unknown>, copy);
      parent[place.at(-1) ?? ''] = value;
      return copy;
    });
}

function placesOf(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const place = [...at, name];
    return [place, ...placesOf(inner, place)];
  });
}

describe('the judges of a shape agree', () => {
  test('every spec the types allow is well-shaped', () => {
    fc.assert(
      fc.property(documents, (document) => {
        assert.ok(Check(MeshPolicySchema, document));
        assert.ok(meshPolicyShape(document), JSON.stringify(meshPolicyShape.errors));
      }),
    );
  });

  test('on policies in which one value is replaced', () => {
    const valid = POLICY_CASES.filter((one) => one.valid).map((one) => one.document);
    const any = fc.constantFrom(...valid).chain(damaged);
    fc.assert(
      fc.property(any, (document) =>
        assert.equal(meshPolicyShape(document), Check(MeshPolicySchema, document), JSON.stringify(document)),
      ),
      { numRuns: 500 },
    );
  });

  test('on any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(meshPolicyShape(value), Check(MeshPolicySchema, value));
        assert.equal(proxyConfigShape(value), Check(ProxyConfigSchema, value));
        assert.equal(destinationShape(value), Check(DestinationSchema, value));
      }),
    );
  });
});

describe('rules across fields', () => {
  test('judge every well-shaped policy without throwing, and only in words of their own', () => {
    fc.assert(
      fc.property(documents, (document) => {
        for (const problem of validateMeshPolicy(document))
          assert.ok(problem.message.length > 10, problem.message);
      }),
    );
  });
});

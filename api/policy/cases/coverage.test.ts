import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asJsonSchema } from '../../generate/json-schema.ts';
import { schemaNodes } from '../../generate/schema-nodes.ts';
import { MeshPolicySpecSchema } from '../../mesh-policy.ts';
import { CASES_PAST_BOUNDS, INVALID_CASES } from '../cases.ts';
import { RULES_KEY, type Rule } from '../rules.ts';
import { placeIn, schemaPath } from './place.ts';
import { VALID_CASES } from './valid.ts';

const nodes = schemaNodes(asJsonSchema(MeshPolicySpecSchema), 'spec');
const specs = VALID_CASES.map(({ document }) => (document as { spec: unknown }).spec);
const rules = nodes.flatMap(({ path, schema }) =>
  ((schema[RULES_KEY] ?? []) as readonly Rule[]).map((rule) => ({ path, ...rule })),
);

describe('the cases', () => {
  test('write every field of the schema in a valid document', () => {
    const missing = nodes.filter(({ path }) => !specs.some((spec) => placeIn(spec, path) !== undefined));
    assert.deepEqual(
      missing.map(({ path }) => path),
      [],
    );
  });

  test('break every rule that the API server judges, wherever it stands', () => {
    const broken = INVALID_CASES.filter(({ isRule }) => isRule).map(({ path = '', words = '' }) => {
      return { path: schemaPath(path), words };
    });
    const unbroken = rules.filter(
      ({ path, cel, message }) =>
        cel !== undefined && !broken.some((one) => one.path === path && message.includes(one.words)),
    );
    assert.deepEqual(
      unbroken.map(({ path, message }) => `${path}: ${message}`),
      [],
    );
  });

  test('break no rule in words that two rules of one place have', () => {
    for (const { name, path = '', words = '' } of INVALID_CASES.filter(({ isRule }) => isRule)) {
      const said = rules.filter((rule) => rule.path === schemaPath(path) && rule.message.includes(words));
      assert.equal(said.length, 1, name);
    }
  });

  test('leave every bound of every field', () => {
    const bounds = nodes.flatMap(({ path, schema, isRequired }) => [
      ...BOUNDS.filter(([keyword]) => schema[keyword] !== undefined).map(([, what]) => `${path}: ${what}`),
      ...(isRequired ? [`${path}: missing`] : []),
    ]);
    const names = new Set(CASES_PAST_BOUNDS.map(({ name }) => name));
    assert.ok(bounds.length > 400);
    assert.deepEqual(
      bounds.filter((bound) => !names.has(bound)),
      [],
    );
  });

  test('are more than a hundred that people wrote', () => {
    assert.ok(INVALID_CASES.length > 100);
  });
});

/** Keywords of a schema that bound its values, and what the case past each is called. */
const BOUNDS = [
  ['enum', 'another value'],
  ['pattern', 'no such text'],
  ['minLength', 'too short'],
  ['maxLength', 'too long'],
  ['minimum', 'too small'],
  ['maximum', 'too large'],
  ['minItems', 'an empty list'],
  ['maxItems', 'too long a list'],
  ['minProperties', 'an empty map'],
  ['maxProperties', 'too large a map'],
] as const;

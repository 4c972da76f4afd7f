import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { meshPolicyCrd } from './crd.ts';
import type { JsonSchema } from './generate/json-schema.ts';

type Node = { readonly path: string; readonly schema: JsonSchema };

/** Every schema in the document, with its place. */
function nodes(schema: JsonSchema, path = ''): Node[] {
  const children = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  const items = schema.items === undefined ? [] : [['[]', schema.items as JsonSchema] as const];
  const map = schema.additionalProperties as JsonSchema | undefined;
  const values = map === undefined ? [] : [['*', map] as const];
  const below = [...children, ...items, ...values];
  return [{ path, schema }, ...below.flatMap(([name, child]) => nodes(child, `${path}.${name}`))];
}

const [version] = meshPolicyCrd().spec.versions;
const document = version?.schema.openAPIV3Schema as unknown as JsonSchema;
const all = nodes(document);
const spec = all.filter(({ path }) => path.startsWith('.spec'));
const withPath = (found: readonly Node[]) => found.map(({ path }) => path);

describe('the CRD', () => {
  test('uses only keywords of a structural schema', () => {
    const allowed = new Set(
      'description type properties required items additionalProperties enum pattern minLength maxLength minimum maximum minItems maxItems minProperties maxProperties anyOf x-kubernetes-int-or-string x-kubernetes-list-type x-kubernetes-list-map-keys x-kubernetes-validations'.split(
        ' ',
      ),
    );
    const strange = all.flatMap(({ path, schema }) =>
      Object.keys(schema).flatMap((keyword) => (allowed.has(keyword) ? [] : [`${path} ${keyword}`])),
    );
    assert.deepEqual(strange, []);
  });

  test('gives every node a type, and none to int-or-string', () => {
    const wrong = all.filter(
      ({ schema }) => (schema.type === undefined) !== (schema['x-kubernetes-int-or-string'] === true),
    );
    assert.deepEqual(withPath(wrong), []);
  });

  test('has anyOf in the int-or-string form only', () => {
    for (const { schema } of all.filter((node) => node.schema.anyOf !== undefined)) {
      assert.deepEqual(schema.anyOf, [{ type: 'integer' }, { type: 'string' }]);
    }
  });

  test('has no additionalProperties beside properties', () => {
    const both = all.filter(({ schema }) => schema.properties && schema.additionalProperties !== undefined);
    assert.deepEqual(withPath(both), []);
  });

  test('has no floats and no defaults', () => {
    const found = all.filter(({ schema }) => schema.type === 'number' || schema.default !== undefined);
    assert.deepEqual(withPath(found), []);
  });

  test('bounds every list, map and text in spec', () => {
    const unbounded = spec.filter(({ schema }) => {
      if (schema.type === 'array') return schema.maxItems === undefined || schema.minItems !== 1;
      if (schema.additionalProperties !== undefined) return schema.maxProperties === undefined;
      if (schema['x-kubernetes-int-or-string'] === true) return schema.maxLength === undefined;
      return schema.type === 'string' && schema.enum === undefined && schema.maxLength === undefined;
    });
    assert.deepEqual(withPath(unbounded), []);
  });

  test('says of every list how it merges, and keys are required fields', () => {
    for (const { path, schema } of all.filter((node) => node.schema.type === 'array')) {
      const kind = schema['x-kubernetes-list-type'];
      assert.ok(['atomic', 'set', 'map'].includes(String(kind)), path);
      const item = schema.items as JsonSchema;
      if (kind === 'set') assert.notEqual(item.type, 'object', path);
      for (const key of (schema['x-kubernetes-list-map-keys'] ?? []) as string[]) {
        assert.ok((item.required as string[]).includes(key), `${path} ${key}`);
      }
    }
  });

  test('makes every list of objects with a required name a map', () => {
    const named = spec.filter(({ schema }) => {
      const required = ((schema.items as JsonSchema | undefined)?.required ?? []) as string[];
      return required.includes('name') && schema['x-kubernetes-list-type'] !== 'map';
    });
    assert.deepEqual(withPath(named), []);
  });

  test('describes every field of spec', () => {
    assert.deepEqual(
      withPath(spec.filter(({ schema, path }) => !schema.description && !path.endsWith('*'))),
      [],
    );
  });

  test('writes enums in PascalCase, except HTTP’s own words', () => {
    const own = ['http', 'https'];
    const values = spec.flatMap(({ schema }) => (schema.enum ?? []) as unknown[]);
    const texts = values.filter((value) => typeof value === 'string' && !own.includes(value));
    assert.deepEqual(
      texts.filter((value) => !/^[A-Z][A-Za-z0-9]*$/.test(String(value))),
      [],
    );
  });

  test('has rules with messages that fit an answer', () => {
    const rules = all.flatMap(({ schema }) => (schema['x-kubernetes-validations'] ?? []) as JsonSchema[]);
    assert.ok(rules.length > 30);
    for (const { rule, message } of rules) {
      assert.ok(String(rule).length > 0);
      assert.ok(String(message).length > 10 && String(message).length < 300, String(message));
      assert.doesNotMatch(String(message), /\n/);
    }
  });

  test('keeps status apart', () => {
    assert.deepEqual(version?.subresources, { status: {} });
    assert.deepEqual(document.required, ['spec']);
  });

  test('shows acceptance, force and age', () => {
    const columns = version?.additionalPrinterColumns.map((column) => column.name);
    for (const name of ['Accepted', 'InForce', 'Proxies', 'Of', 'Age'])
      assert.ok(columns?.includes(name), name);
  });

  test('selects by fields that exist and are scalars', () => {
    for (const { jsonPath } of version?.selectableFields ?? []) {
      const node = all.find(({ path }) => path === jsonPath);
      assert.equal(node?.schema.type, 'string', jsonPath);
    }
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { DestinationSchema } from './destination.ts';
import { asJsonSchema, toJsonSchema } from './generate/json-schema.ts';
import { validate as destinationShape } from './generated/destination.js';
import { validate as proxyConfigShape } from './generated/proxy-config.js';
import { valuesOf } from './policy/arbitrary.ts';
import { problemsOf, type SchemaValidator } from './problems.ts';
import { ProxyConfigSchema } from './proxy-config.ts';
import { type Shape, shapeValidator } from './shape-validator.ts';

const ajv = (schema: object) =>
  new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(schema);

/** The same verdict as that of a whole implementation, for a reason that it finds, too. */
function judgesAlike(own: SchemaValidator, other: SchemaValidator, value: unknown): void {
  const text = JSON.stringify(value);
  assert.equal(own(value), other(value), text);
  const [problem, ...more] = problemsOf(own, value);
  assert.deepEqual(more, []);
  if (problem === undefined) return;
  const reasons = problemsOf(other, value).map((reason) => JSON.stringify(reason));
  assert.ok(
    reasons.includes(JSON.stringify(problem)),
    `${JSON.stringify(problem)} is none of ${reasons}: ${text}`,
  );
}

/** A document in which one value, anywhere, is another, is not there, or has something beside it. */
function damaged(document: object): fc.Arbitrary<unknown> {
  const change = fc.oneof(fc.constant('remove'), fc.constant('add'), fc.constant('replace'));
  return fc
    .tuple(fc.constantFrom(...placesOf(document)), change, fc.jsonValue({ maxDepth: 1 }))
    .map(([place, how, value]) => {
      const copy = structuredClone(document) as Record<string, unknown>;
      const parent = place.slice(0, -1).reduce((at, step) => at[step] as Record<string, unknown>, copy);
      const name = place.at(-1) ?? '';
      if (how === 'replace') parent[name] = value;
      else if (Array.isArray(parent)) parent.splice(Number(name), how === 'remove' ? 1 : 0, value);
      else if (how === 'remove') delete parent[name];
      else parent[`${name}~/`] = value;
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

const DOCUMENTS: readonly (readonly [string, TSchema, SchemaValidator])[] = [
  ['ProxyConfig', ProxyConfigSchema, proxyConfigShape],
  ['Destination', DestinationSchema, destinationShape],
];

for (const [kind, schema, own] of DOCUMENTS) {
  describe(`the shape of a ${kind} is judged as its schema says`, () => {
    const other = ajv(toJsonSchema(asJsonSchema(schema)));
    const documents = valuesOf(asJsonSchema(schema)) as fc.Arbitrary<object>;

    test('when it is valid, whatever it holds', () => {
      fc.assert(
        fc.property(documents, (document) => {
          assert.ok(own(document), JSON.stringify(own.errors));
          judgesAlike(own, other, document);
        }),
      );
    });

    test('when one value is replaced, removed or added', () => {
      fc.assert(
        fc.property(documents.chain(damaged), (value) => judgesAlike(own, other, value)),
        { numRuns: 1_000 },
      );
    });

    test('when it is any JSON', () => {
      fc.assert(fc.property(fc.jsonValue(), (value) => judgesAlike(own, other, value)));
    });
  });
}

describe('each keyword is judged as JSON Schema says', () => {
  const text = { type: 'string', minLength: 1, maxLength: 2 };
  const kinds = {
    type: 'object',
    properties: { type: { const: 'A' }, a: text },
    required: ['type', 'a'],
    additionalProperties: false,
  };
  const cases: readonly (readonly [Shape, readonly unknown[]])[] = [
    [{ type: 'integer' }, [0, -0, 1.5, 1e300, '1', null, true, [], {}]],
    [{ type: 'number' }, [0, 1.5, '1', null, [1]]],
    [{ type: ['integer', 'string'] }, [1, '1', 1.5, null, []]],
    [{ type: 'boolean' }, [true, false, 0, 'true', null]],
    [{ type: 'null' }, [null, 0, '', {}]],
    [{ type: 'object' }, [{}, [], null, 'a']],
    [{ type: 'array' }, [[], {}, null, 'a']],
    [{ enum: ['a', 1, null] }, ['a', 1, null, 'b', '1', {}]],
    [{ const: 'a' }, ['a', 'b', null, ['a']]],
    [text, ['', 'a', 'ab', 'abc', '👍👍', '👍👍👍', 1]],
    [{ type: 'string', pattern: '^a+$' }, ['a', 'aa', '', 'b', 'a\n']],
    [{ type: 'integer', minimum: 1, maximum: 3 }, [0, 1, 3, 4]],
    [{ type: 'array', items: text, minItems: 1, maxItems: 2 }, [[], ['a'], ['a', 1], ['a', 'b', 'c']]],
    [
      { type: 'object', additionalProperties: text, minProperties: 1, maxProperties: 2 },
      [{}, { a: 'a' }, { a: '' }, { 'x/~y': '' }, { a: 'a', b: 'b', c: 'c' }, { 'a\nb': 1 }],
    ],
    [{ type: 'object', properties: { a: text } }, [{}, { a: 1 }, { b: 1 }, { a: 'a', b: {} }]],
    [
      { anyOf: [kinds, { ...kinds, properties: { type: { const: 'B' } }, required: ['type'] }] },
      [{ type: 'A', a: 'a' }, { type: 'B' }, { type: 'C' }, { type: 'A' }, { type: 'B', a: 'a' }, {}, 1, 'A'],
    ],
    [{ anyOf: [text, { type: 'integer' }] }, ['a', 1, '', 'abc', 1.5, null]],
    [{ $defs: { one: text }, type: 'array', items: { $ref: '#/$defs/one' } }, [['a'], ['']]],
  ];
  for (const [schema, values] of cases) {
    test(JSON.stringify(schema), () => {
      const other = ajv(schema);
      for (const value of values) {
        judgesAlike(
          shapeValidator(() => schema),
          other,
          value,
        );
      }
    });
  }

  test('a name of every object counts only as the document’s own', () => {
    const own = shapeValidator(() => ({ type: 'object', properties: {}, additionalProperties: false }));
    for (const name of ['__proto__', 'constructor', 'toString']) {
      assert.equal(own(JSON.parse(`{"${name}":1}`)), false, name);
    }
    const required = shapeValidator(() => ({ type: 'object', required: ['constructor'] }));
    assert.equal(required({}), false);
  });

  test('the schema is read once, at the first document', () => {
    let read = 0;
    const own = shapeValidator(() => {
      read += 1;
      return { type: 'object' };
    });
    assert.equal(read, 0);
    own({});
    own([]);
    assert.equal(read, 1);
  });

  test('in a union the problem told is that of the member that was meant', () => {
    const member = (type: string) => ({
      type: 'object',
      properties: { type: { const: type }, [type]: { type: 'integer' } },
      required: ['type', type],
    });
    const own = shapeValidator(() => ({ anyOf: [member('a'), member('b'), member('c')] }));
    assert.equal(own({ type: 'b', b: 'text' }), false);
    assert.deepEqual(own.errors?.[0]?.instancePath, '/b');
  });
});

import type { TSchema } from 'typebox';

/** A JSON schema as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** typebox schemas are plain JSON schemas at run time; their types only do not say so. */
export function asJsonSchema(schema: TSchema): JsonSchema {
  return schema as unknown as JsonSchema;
}

/**
 * A typebox schema as the JSON schema the validators are compiled from: shapes only. Descriptions, rules and
 * Kubernetes' own keywords go; a union of literals becomes an enum, so that its error names the values.
 */
export function toJsonSchema(schema: JsonSchema): JsonSchema {
  const kept = Object.entries(schema).filter(([keyword]) => KEYWORDS.has(keyword));
  const plain = Object.fromEntries(kept.map(([keyword, value]) => [keyword, inner(keyword, value)]));
  if (schema['x-kubernetes-int-or-string'] === true) {
    const { anyOf: _, ...bounds } = plain;
    return { type: ['integer', 'string'], ...bounds };
  }
  const literals = literalsOf(schema);
  if (literals !== undefined) return { enum: literals };
  const entries = recordEntries(schema);
  if (entries === undefined) return plain;
  const { patternProperties: _, ...bounds } = plain;
  return { ...bounds, additionalProperties: toJsonSchema(entries) };
}

/**
 * The schema of a map's values; undefined for any other schema. The pattern typebox writes (`^.*$`) would let a
 * key with a line break through unjudged.
 */
export function recordEntries(schema: JsonSchema): JsonSchema | undefined {
  return (schema.patternProperties as Record<string, JsonSchema> | undefined)?.['^.*$'];
}

/** The values of a union of literals; undefined for any other schema. */
export function literalsOf(schema: JsonSchema): unknown[] | undefined {
  const members = schema.anyOf as readonly JsonSchema[] | undefined;
  if (members === undefined || !members.every((member) => 'const' in member)) return undefined;
  return members.map((member) => member.const);
}

const KEYWORDS = new Set(
  'type properties required additionalProperties patternProperties items anyOf enum const pattern minLength maxLength minimum maximum minItems maxItems minProperties maxProperties'.split(
    ' ',
  ),
);

function inner(keyword: string, value: unknown): unknown {
  if (keyword === 'properties' || keyword === 'patternProperties') {
    const entries = Object.entries(value as Record<string, JsonSchema>);
    return Object.fromEntries(entries.map(([name, schema]) => [name, toJsonSchema(schema)]));
  }
  if (keyword === 'anyOf') return (value as JsonSchema[]).map(toJsonSchema);
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return toJsonSchema(value as JsonSchema);
  return value;
}

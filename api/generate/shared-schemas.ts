import type { JsonSchema } from './json-schema.ts';

const LEAST_LENGTH = 40;

/**
 * The same schema with what is repeated in it as `$defs`: code that is generated of it has one function for each,
 * called from every place, instead of a copy in every place.
 */
export function shareRepeated(schema: JsonSchema): JsonSchema {
  const counts = new Map<string, number>();
  countSchemas(schema, counts);
  const names = new Map<string, string>();
  for (const [text, count] of counts) if (count > 1) names.set(text, `shared${names.size}`);
  const defs = Object.fromEntries(
    Array.from(names, ([text, name]) => [name, replaceChildren(JSON.parse(text) as JsonSchema, names)]),
  );
  return { ...replaceChildren(schema, names), $defs: defs };
}

/** Places where JSON Schema has schemas, as far as this project's have any. */
function children(schema: JsonSchema): JsonSchema[] {
  const { properties = {}, items, additionalProperties } = schema as Record<string, JsonSchema>;
  return [...Object.values(properties), items, additionalProperties].filter(
    (child): child is JsonSchema => typeof child === 'object',
  );
}

function countSchemas(schema: JsonSchema, counts: Map<string, number>): void {
  for (const child of children(schema)) {
    const text = JSON.stringify(child);
    if (text.length >= LEAST_LENGTH) counts.set(text, (counts.get(text) ?? 0) + 1);
    countSchemas(child, counts);
  }
}

function replaceChildren(schema: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  const replace = (child: unknown): unknown => {
    if (typeof child !== 'object' || child === null) return child;
    const name = names.get(JSON.stringify(child));
    return name === undefined ? replaceChildren(child as JsonSchema, names) : { $ref: `#/$defs/${name}` };
  };
  const { properties, items, additionalProperties } = schema as Record<string, unknown>;
  const changed: Record<string, unknown> = { ...schema };
  if (properties !== undefined) {
    changed.properties = Object.fromEntries(
      Object.entries(properties as object).map(([name, child]) => [name, replace(child)]),
    );
  }
  if (items !== undefined) changed.items = replace(items);
  if (additionalProperties !== undefined) changed.additionalProperties = replace(additionalProperties);
  return changed as JsonSchema;
}

import { type JsonSchema, literalsOf, recordEntries } from './json-schema.ts';

/** A schema inside another one, with its place. */
export interface SchemaNode {
  /** `spec.inbound.authorization.rules[].name`; `[]` stands for the items of a list, `.*` for the values of a map */
  readonly path: string;
  readonly schema: JsonSchema;
  /** whether it has to be there wherever the object it belongs to is written */
  readonly isRequired: boolean;
}

/** The schema itself and every one below it, in order. Recursion is bounded: schemas do not refer to themselves. */
export function schemaNodes(schema: JsonSchema, path: string, isRequired = false): SchemaNode[] {
  return [{ path, schema, isRequired }, ...below(schema, path)];
}

function below(schema: JsonSchema, path: string): SchemaNode[] {
  const entries = recordEntries(schema);
  if (entries !== undefined) return schemaNodes(entries, `${path}.*`);
  if (schema.type === 'array') return schemaNodes(schema.items as JsonSchema, `${path}[]`);
  const required = (schema.required ?? []) as readonly string[];
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>);
  return properties.flatMap(([name, child]) =>
    schemaNodes(child, `${path}.${name}`, required.includes(name)),
  );
}

/** Whether a value stands there, and not more fields. */
export function isLeaf(schema: JsonSchema): boolean {
  return schema.type !== 'object' && schema.type !== 'array';
}

/** The values a leaf may have, where they are listed. */
export function choicesOf(schema: JsonSchema): readonly unknown[] | undefined {
  return literalsOf(schema) ?? (schema.enum as readonly unknown[] | undefined);
}

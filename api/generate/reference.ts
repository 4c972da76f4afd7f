import { type JsonSchema, literalsOf, recordEntries } from './json-schema.ts';

/** A field of the schema, as its reference shows it. */
export interface Field {
  /** `spec.inbound.authorization.rules[].name` */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
  /** where its value stands: `spec.a[].b[]`, `spec.labels.*`; undefined: it has fields of its own */
  readonly leafPath: string | undefined;
}

/** Every field below a schema, in the order of the schema. */
export function fieldsOf(schema: JsonSchema, path: string): Field[] {
  return children(schema, path).flatMap(({ schema: child, path: childPath, required }) => {
    const below = fieldsOf(itemsOf(child), isList(child) ? `${childPath}[]` : childPath);
    const leafPath = below.length === 0 ? leafPathOf(child, childPath) : undefined;
    const description = descriptionOf(child);
    return [{ path: childPath, type: typeName(child), required, description, leafPath }, ...below];
  });
}

/** Of a list also what its items look like. */
function descriptionOf(schema: JsonSchema): string {
  const own = String(schema.description ?? '');
  if (!isList(schema)) return own;
  return `${own} ${descriptionOf(itemsOf(schema)).replace(NAME_ONLY, '')}`.trim();
}

/** A first sentence such as `A port.`, which says nothing beside the list's own. */
const NAME_ONLY = /^[^.`]{1,24}\.( |$)/;

function leafPathOf(schema: JsonSchema, path: string): string {
  if (isList(schema)) return leafPathOf(itemsOf(schema), `${path}[]`);
  return recordEntries(schema) === undefined ? path : `${path}.*`;
}

interface Child {
  readonly schema: JsonSchema;
  readonly path: string;
  readonly required: boolean;
}

function children(schema: JsonSchema, path: string): Child[] {
  const required = (schema.required ?? []) as readonly string[];
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>);
  return properties.map(([name, child]) => ({
    schema: child,
    path: `${path}.${name}`,
    required: required.includes(name),
  }));
}

function isList(schema: JsonSchema): boolean {
  return schema.type === 'array';
}

function itemsOf(schema: JsonSchema): JsonSchema {
  return isList(schema) ? (schema.items as JsonSchema) : schema;
}

function typeName(schema: JsonSchema): string {
  if (isList(schema)) return `list of ${typeName(schema.items as JsonSchema)} (at most ${schema.maxItems})`;
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or text';
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => `\`${value}\``).join(', ');
  const literals = literalsOf(schema);
  if (literals !== undefined) return literals.map((value) => `\`${value}\``).join(', ');
  const entries = recordEntries(schema);
  if (entries !== undefined) return `map to ${typeName(entries)}`;
  if (schema.type === 'integer') return `integer, ${schema.minimum} to ${schema.maximum}`;
  return schema.type === 'string' ? 'text' : String(schema.type);
}

/** The cells of a table that every reference page has: field, type, meaning. */
export function cells({ path, type, required, description }: Field): string[] {
  return [`\`${path}\``, required ? `${type}; **required**` : type, description.replaceAll('|', '\\|')];
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

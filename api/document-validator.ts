import type { TSchema } from 'typebox';
import { closest } from './closest.ts';
import { asJsonSchema, type JsonSchema, recordEntries } from './generate/json-schema.ts';
import { choicesOf } from './generate/schema-nodes.ts';
import { RULES_KEY, type Rule } from './policy/rules.ts';
import { PATTERN_WORDS } from './policy/scalars.ts';
import {
  formatPath,
  PROBLEMS_MAX,
  pointerSegments,
  problemsOf,
  type SchemaError,
  type SchemaValidator,
  type ValidationProblem,
} from './problems.ts';

/**
 * Judges a document that a person wrote as the API server would: its shape first, then, if that is right,
 * uniqueness and the rules across fields.
 */
export function documentValidator(
  schema: TSchema,
  shape: SchemaValidator,
): (value: unknown) => ValidationProblem[] {
  const root = asJsonSchema(schema);
  return (value) => {
    const problems = problemsOf(shape, value, (error) => explain(root, error));
    return problems.length > 0 ? problems : [...ruleProblems(root, value, [])].slice(0, PROBLEMS_MAX);
  };
}

/** Recursion is bounded by the schema, which does not refer to itself. */
function* ruleProblems(
  schema: JsonSchema,
  value: unknown,
  at: readonly string[],
): Generator<ValidationProblem> {
  const rules = (schema[RULES_KEY] ?? []) as readonly Rule[];
  for (const rule of rules) {
    if (!rule.holds(value)) yield { path: formatPath(at), message: rule.message };
  }
  if (Array.isArray(value)) {
    yield* repetitions(schema, value, at);
    for (const [index, item] of value.entries()) {
      yield* ruleProblems(schema.items as JsonSchema, item, [...at, String(index)]);
    }
  } else if (typeof value === 'object' && value !== null) {
    for (const [field, inner] of Object.entries(value)) {
      const child = childSchema(schema, field);
      if (child !== undefined && inner !== undefined) yield* ruleProblems(child, inner, [...at, field]);
    }
  }
}

function* repetitions(
  schema: JsonSchema,
  items: readonly unknown[],
  at: readonly string[],
): Generator<ValidationProblem> {
  const keys = (schema['x-kubernetes-list-map-keys'] ?? []) as readonly string[];
  const isSet = schema['x-kubernetes-list-type'] === 'set';
  if (!isSet && keys.length === 0) return;
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = isSet ? item : keys.map((name) => (item as Record<string, unknown>)[name]);
    const text = JSON.stringify(key);
    if (seen.has(text)) {
      const what = isSet ? text : `${keys.join(', ')} ${JSON.stringify((key as unknown[])[0])}`;
      yield { path: formatPath([...at, String(index)]), message: `${what} is there twice: write it once` };
    }
    seen.add(text);
  }
}

function explain(root: JsonSchema, error: SchemaError): string | undefined {
  const schema = schemaAt(root, error);
  const limit = Number(error.params.limit);
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys((schema?.properties ?? {}) as object);
      return unknownField(String(error.params.additionalProperty), known);
    }
    case 'required':
      return missing(schema && childSchema(schema, String(error.params.missingProperty)));
    case 'pattern': {
      const words = PATTERN_WORDS[String(error.params.pattern)];
      return words === undefined ? undefined : `must be ${words}`;
    }
    case 'minimum':
      return `must be at least ${limit}`;
    case 'maximum':
      return `must be at most ${limit}`;
    case 'minLength':
      return limit === 1 ? 'must not be empty text' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'maxItems':
      return `must list at most ${limit}: remove some, or write further policies`;
    case 'minProperties':
      return 'must not be empty: remove the field, or write something';
    case 'maxProperties':
      return `must have at most ${limit} entries`;
    default:
      return undefined;
  }
}

/** Says what belongs there: its values where they are listed, otherwise what it is. */
function missing(schema: JsonSchema | undefined): string {
  const choices = schema && choicesOf(schema);
  if (choices !== undefined) return `is required: write ${choices.join(' or ')}`;
  return schema?.description === undefined ? 'is required' : `is required: ${schema.description as string}`;
}

function unknownField(name: string, known: readonly string[]): string {
  const meant = closest(name, known);
  return meant === undefined
    ? `unknown field: remove it, or write one of ${known.join(', ')}`
    : `unknown field ${name}: did you mean ${meant}?`;
}

function schemaAt(root: JsonSchema, error: SchemaError): JsonSchema | undefined {
  return pointerSegments(error.instancePath).reduce<JsonSchema | undefined>(
    (schema, segment) => schema && childSchema(schema, segment),
    root,
  );
}

function childSchema(schema: JsonSchema, field: string): JsonSchema | undefined {
  if (schema.items !== undefined) return schema.items as JsonSchema;
  const properties = (schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.hasOwn(properties, field) ? properties[field] : recordEntries(schema);
}

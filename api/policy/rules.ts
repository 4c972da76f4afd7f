import type { Static, TSchema } from 'typebox';

/**
 * A rule across fields, written once for both judges: `cel` for the API server (x-kubernetes-validations) and
 * `holds` for the files source and the CLI. The message says what to write instead.
 * Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-rules
 */
export interface Rule<T = unknown> {
  /** absent: no CEL of every supported Kubernetes can say it, so the operator alone judges */
  readonly cel?: string;
  readonly message: string;
  readonly holds: (value: T) => boolean;
}

export const RULES_KEY = 'x-weft-rules';

/** Puts rules on a schema; apply it before Type.Optional. */
export function withRules<S extends TSchema>(schema: S, rules: readonly Rule<Static<S>>[]): S {
  return Object.assign(schema, { [RULES_KEY]: [...rulesOf(schema), ...rules] });
}

export function rulesOf(schema: TSchema): readonly Rule<unknown>[] {
  return (schema as { [RULES_KEY]?: readonly Rule<unknown>[] })[RULES_KEY] ?? [];
}

/** An object that says nothing is a mistake: at least one of its fields must be there. */
export function notEmpty<S extends TSchema & { properties: Record<string, TSchema> }>(schema: S): S {
  const fields = Object.keys(schema.properties);
  return withRules(schema, [
    {
      cel: fields.map((field) => `has(self.${celName(field)})`).join(' || '),
      message: `must not be empty: set ${oneOf(fields)}`,
      holds: (value) => fields.some((field) => (value as Record<string, unknown>)[field] !== undefined),
    },
  ]);
}

/** Words that CEL reserves are written `__word__` in a path. */
export function celName(field: string): string {
  return CEL_RESERVED.has(field) ? `__${field}__` : field;
}

const CEL_RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? String(names[0]) : `at least one of ${names.join(', ')}`;
}

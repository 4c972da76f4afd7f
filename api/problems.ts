/** What is wrong with a document, for people: where, and what to write instead. */
export interface ValidationProblem {
  /** `spec.inbound.authorization.rules[0].action`; empty for the document itself */
  readonly path: string;
  readonly message: string;
}

/** The part of ajv's error object that is read here; the generated validators produce it. */
export interface SchemaError {
  /** JSON pointer (RFC 6901) */
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

export interface SchemaValidator {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

/** More than this many problems help nobody. */
export const PROBLEMS_MAX = 50;

/** Adds what only the caller knows (names of known fields, words for a pattern); undefined: nothing to add. */
export type Explain = (error: SchemaError) => string | undefined;

/** Unknown fields come first: where a field is missing, one of them is often that field, mistyped. */
export function problemsOf(
  validator: SchemaValidator,
  value: unknown,
  explain: Explain = () => undefined,
): ValidationProblem[] {
  if (validator(value)) return [];
  const errors = validator.errors ?? [];
  const isUnknown = (error: SchemaError) => error.keyword === 'additionalProperties';
  return [...errors.filter(isUnknown), ...errors.filter((error) => !isUnknown(error))]
    .slice(0, PROBLEMS_MAX)
    .map((error) => ({ path: pathOf(error), message: explain(error) ?? plainMessage(error) }));
}

function plainMessage(error: SchemaError): string {
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties':
      return 'unknown field: remove it';
    case 'required':
      return 'is required';
    case 'enum':
      return `must be ${(params.allowedValues as unknown[]).join(' or ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'type':
      return `must be ${String(params.type).replace(',', ' or ')}`;
    case 'minItems':
      return 'must not be an empty list: remove the field, or list something';
    default:
      return error.message ?? 'is not valid';
  }
}

/** The unknown or missing field itself, where the error is about one. */
function pathOf(error: SchemaError): string {
  const field = error.params.additionalProperty ?? error.params.missingProperty;
  const segments = pointerSegments(error.instancePath);
  return formatPath(field === undefined ? segments : [...segments, String(field)]);
}

export function pointerSegments(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

export function formatPath(segments: readonly string[]): string {
  return segments.reduce((path, segment) => path + formatSegment(path, segment), '');
}

function formatSegment(path: string, segment: string): string {
  if (/^(0|[1-9][0-9]*)$/.test(segment)) return `[${segment}]`;
  if (!/^[A-Za-z0-9_-]+$/.test(segment)) return `[${JSON.stringify(segment)}]`;
  return path === '' ? segment : `.${segment}`;
}

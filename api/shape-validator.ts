import type { SchemaError, SchemaValidator } from './problems.ts';

/** Of the keywords of JSON Schema those that the sidecar's documents use, on every level. */
export interface Shape {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Shape>>;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Shape;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

/**
 * Judges plain data by a schema that is data itself: a tenth of the code that a compiler makes of it, which is what
 * every sidecar would hold. Ends at the first problem. `parse` is called at the first document.
 */
export function shapeValidator(parse: () => Shape): SchemaValidator {
  let root: Shape | undefined;
  const validate: SchemaValidator = (value) => {
    root ??= parse();
    const error = new ShapeCheck(root.$defs ?? {}).check(root, value);
    validate.errors = error === undefined ? null : [error];
    return error === undefined;
  };
  return validate;
}

type Found = SchemaError | undefined;
type Entries = Readonly<Record<string, unknown>>;

/** Recursion is bounded by the schema, which does not refer to itself. */
class ShapeCheck {
  readonly #defs: Readonly<Record<string, Shape>>;

  constructor(defs: Readonly<Record<string, Shape>>) {
    this.#defs = defs;
  }

  check(shape: Shape, value: unknown): Found {
    if (shape.$ref !== undefined) return this.check(this.#defs[shape.$ref.slice(PREFIX.length)]!, value);
    if (shape.type !== undefined && !isOneOf(shape.type, value)) return error('type', { type: shape.type });
    if (shape.enum !== undefined && !shape.enum.includes(value)) {
      return error('enum', { allowedValues: shape.enum });
    }
    if (shape.const !== undefined && shape.const !== value) {
      return error('const', { allowedValue: shape.const });
    }
    return this.#union(shape, value) ?? this.#inside(shape, value);
  }

  #inside(shape: Shape, value: unknown): Found {
    if (typeof value === 'string') return checkText(shape, value);
    if (typeof value === 'number') return checkNumber(shape, value);
    if (Array.isArray(value)) return this.#list(shape, value);
    return typeof value === 'object' && value !== null ? this.#object(shape, value as Entries) : undefined;
  }

  /** What is wrong with the member that was meant: one that differs in more than its kind. */
  #union({ anyOf }: Shape, value: unknown): Found {
    if (anyOf === undefined) return undefined;
    let first: Found;
    for (const member of anyOf) {
      const found = this.check(member, value);
      if (found === undefined) return undefined;
      if (first === undefined || first.keyword === 'const') first = found;
    }
    return first;
  }

  #list({ minItems, maxItems, items }: Shape, values: readonly unknown[]): Found {
    if (maxItems !== undefined && values.length > maxItems) return tooMany('maxItems', maxItems, 'items');
    if (minItems !== undefined && values.length < minItems) return tooFew('minItems', minItems, 'items');
    if (items === undefined) return undefined;
    for (let at = 0; at < values.length; at += 1) {
      const found = this.check(items, values[at]);
      if (found !== undefined) return below(String(at), found);
    }
    return undefined;
  }

  #object(shape: Shape, value: Entries): Found {
    const names = Object.keys(value);
    return checkCount(shape, names.length) ?? this.#entries(shape, value, names) ?? checkThere(shape, value);
  }

  #entries({ properties, additionalProperties }: Shape, value: Entries, names: readonly string[]): Found {
    for (const name of names) {
      const known = properties !== undefined && Object.hasOwn(properties, name);
      const shape = known ? properties[name] : additionalProperties;
      if (shape === false) return error('additionalProperties', { additionalProperty: name });
      if (typeof shape !== 'object' || (known && value[name] === undefined)) continue;
      const found = this.check(shape, value[name]);
      if (found !== undefined) return below(name, found);
    }
    return undefined;
  }
}

const PREFIX = '#/$defs/';

function isOneOf(type: string | readonly string[], value: unknown): boolean {
  return typeof type === 'string' ? isOf(type, value) : type.some((one) => isOf(one, value));
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'number') return Number.isFinite(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function checkText({ minLength, maxLength, pattern }: Shape, text: string): Found {
  if (maxLength !== undefined && text.length > maxLength && codePoints(text) > maxLength) {
    return tooMany('maxLength', maxLength, 'characters');
  }
  if (minLength !== undefined && codePoints(text) < minLength) {
    return tooFew('minLength', minLength, 'characters');
  }
  if (pattern === undefined || new RegExp(pattern, 'u').test(text)) return undefined;
  return error('pattern', { pattern }, `must match pattern "${pattern}"`);
}

function checkNumber({ minimum, maximum }: Shape, value: number): Found {
  if (maximum !== undefined && !(value <= maximum)) {
    return error('maximum', { limit: maximum }, `must be <= ${maximum}`);
  }
  if (minimum !== undefined && !(value >= minimum)) {
    return error('minimum', { limit: minimum }, `must be >= ${minimum}`);
  }
  return undefined;
}

function checkCount({ minProperties, maxProperties }: Shape, count: number): Found {
  if (maxProperties !== undefined && count > maxProperties) {
    return tooMany('maxProperties', maxProperties, 'properties');
  }
  if (minProperties !== undefined && count < minProperties) {
    return tooFew('minProperties', minProperties, 'properties');
  }
  return undefined;
}

/** JSON has no undefined: a field of this value is not there. */
function checkThere({ required }: Shape, value: Entries): Found {
  const missing = required?.find((name) => !Object.hasOwn(value, name) || value[name] === undefined);
  return missing === undefined ? undefined : error('required', { missingProperty: missing });
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function tooMany(keyword: string, limit: number, what: string): SchemaError {
  return error(keyword, { limit }, `must NOT have more than ${limit} ${what}`);
}

function tooFew(keyword: string, limit: number, what: string): SchemaError {
  return error(keyword, { limit }, `must NOT have fewer than ${limit} ${what}`);
}

function error(keyword: string, params: SchemaError['params'], message?: string): SchemaError {
  return { instancePath: '', keyword, params, ...(message !== undefined && { message }) };
}

/** The same error, seen from one level above. */
function below(step: string, found: SchemaError): SchemaError {
  const pointer = step.replaceAll('~', '~0').replaceAll('/', '~1');
  return { ...found, instancePath: `/${pointer}${found.instancePath}` };
}

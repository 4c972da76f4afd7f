import { type JsonSchema, recordEntries } from '../../generate/json-schema.ts';
import { choicesOf, isLeaf, type SchemaNode, schemaNodes } from '../../generate/schema-nodes.ts';
import { misshapen, type PolicyCase, type ShapeWords } from './case.ts';
import { type Place, pathOf, placeIn, replaced, without } from './place.ts';

/** One way to leave a schema's bounds: a value that does, and where and in which words that is refused. */
interface Breach {
  readonly what: string;
  readonly value: unknown;
  readonly words: ShapeWords;
  /** the step from the value to the place that is refused; absent: the value itself */
  readonly below?: string | number;
}

/**
 * For every bound of a schema a document that is right but for one value just past it, made from the first of the
 * specs that has such a value.
 */
export function casesPastBounds(schema: JsonSchema, specs: readonly unknown[]): PolicyCase[] {
  return schemaNodes(schema, 'spec').flatMap((node) => {
    for (const spec of specs) {
      const place = placeIn(spec, node.path);
      if (place !== undefined) return casesAt(node, spec, place);
    }
    throw new Error(`no valid case has ${node.path}`);
  });
}

function casesAt({ path, schema, isRequired }: SchemaNode, spec: unknown, place: Place): PolicyCase[] {
  const breaches = [...breachesOf(schema, place.value)].map(({ what, value, words, below }) => {
    const refused = below === undefined ? place.steps : [...place.steps, below];
    return misshapen(`${path}: ${what}`, pathOf(refused), words, replaced(spec, place.steps, value));
  });
  if (!isRequired) return breaches;
  const missing = without(spec, place.steps);
  return [...breaches, misshapen(`${path}: missing`, pathOf(place.steps), 'Required value', missing)];
}

function* breachesOf(schema: JsonSchema, value: unknown): Generator<Breach> {
  yield otherType(schema);
  if (schema.type === 'array') yield* breachesOfList(schema, value as readonly unknown[]);
  else if (recordEntries(schema) !== undefined) yield* breachesOfMap(schema, value as object);
  else if (isLeaf(schema)) yield* breachesOfLeaf(schema);
  else yield unknownField(value as object);
}

function unknownField(value: object): Breach {
  const more = { ...value, nonsense: 1 };
  return { what: 'an unknown field', value: more, words: 'unknown field', below: 'nonsense' };
}

function otherType(schema: JsonSchema): Breach {
  if (schema['x-kubernetes-int-or-string'] === true) {
    return { what: 'an object', value: {}, words: 'must be of type integer,string' };
  }
  const [choice] = choicesOf(schema) ?? [];
  const type = choice === undefined ? String(schema.type) : typeof choice;
  if (type === 'string') return { what: 'a number', value: 7, words: 'must be of type string' };
  return { what: 'text', value: 'x', words: `must be of type ${type === 'number' ? 'integer' : type}` };
}

function* breachesOfList(schema: JsonSchema, [item]: readonly unknown[]): Generator<Breach> {
  const { minItems, maxItems } = schema as { minItems: number; maxItems: number };
  yield { what: 'an empty list', value: [], words: `should have at least ${minItems} items` };
  const many = Array.from({ length: maxItems + 1 }, () => item);
  yield { what: 'too long a list', value: many, words: `must have at most ${maxItems} items` };
  if (schema['x-kubernetes-list-type'] === 'atomic') return;
  yield { what: 'an item twice', value: [item, item], words: 'Duplicate value', below: 1 };
}

function* breachesOfMap(schema: JsonSchema, entries: object): Generator<Breach> {
  const { minProperties, maxProperties } = schema as { minProperties: number; maxProperties: number };
  yield { what: 'an empty map', value: {}, words: `should have at least ${minProperties} properties` };
  const [entry] = Object.values(entries) as unknown[];
  const many = Object.fromEntries(
    Array.from({ length: maxProperties + 1 }, (_, index) => [`k${index}`, entry]),
  );
  yield { what: 'too large a map', value: many, words: `must have at most ${maxProperties} items` };
}

function* breachesOfLeaf(schema: JsonSchema): Generator<Breach> {
  const [choice] = choicesOf(schema) ?? [];
  if (choice !== undefined) {
    const value = typeof choice === 'number' ? 1 : 'Nonsense';
    yield { what: 'another value', value, words: 'Unsupported value' };
  }
  const { pattern, minLength, maxLength, minimum, maximum } = schema as Record<string, number | undefined>;
  if (pattern !== undefined) yield { what: 'no such text', value: '\u0001', words: 'should match' };
  if (minLength !== undefined) {
    const words = `should be at least ${minLength} chars long` as const;
    yield { what: 'too short', value: 'x'.repeat(minLength - 1), words };
  }
  if (maxLength !== undefined) {
    const words = `may not be more than ${maxLength} bytes` as const;
    yield { what: 'too long', value: 'x'.repeat(maxLength + 1), words };
  }
  if (minimum !== undefined) {
    yield { what: 'too small', value: minimum - 1, words: `should be greater than or equal to ${minimum}` };
  }
  if (maximum !== undefined) {
    yield { what: 'too large', value: maximum + 1, words: `should be less than or equal to ${maximum}` };
  }
}

import fc from 'fast-check';
import { type JsonSchema, literalsOf, recordEntries } from '../generate/json-schema.ts';
import { PATTERNS } from './scalars.ts';

/** For tests: any value of a shape, whether or not the rules across fields hold. */
export function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const choices = literalsOf(schema) ?? (schema.enum as unknown[] | undefined);
  if (choices !== undefined) return fc.constantFrom(...choices);
  if (schema['x-kubernetes-int-or-string'] === true) return fc.oneof(integers(schema), texts(schema));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...(schema.anyOf as JsonSchema[]).map(valuesOf));
  const entries = recordEntries(schema);
  if (entries !== undefined) return maps(entries);
  if (schema.type === 'object') return objects(schema);
  if (schema.type === 'array') {
    const bounds = { minLength: 1, maxLength: Math.min(3, Number(schema.maxItems ?? 3)) };
    return fc.array(valuesOf(schema.items as JsonSchema), bounds);
  }
  if (schema.type === 'integer') return integers(schema);
  return schema.type === 'boolean' ? fc.boolean() : texts(schema);
}

function objects(schema: JsonSchema): fc.Arbitrary<unknown> {
  const fields = Object.entries(schema.properties as Record<string, JsonSchema>);
  const model = Object.fromEntries(fields.map(([name, field]) => [name, valuesOf(field)]));
  return fc.record(model, { requiredKeys: (schema.required ?? []) as string[] });
}

function maps(entries: JsonSchema): fc.Arbitrary<unknown> {
  return fc.dictionary(fc.constantFrom('app', 'a.b/c', 'version'), valuesOf(entries), {
    minKeys: 1,
    maxKeys: 3,
  });
}

function integers(schema: JsonSchema): fc.Arbitrary<number> {
  const min = Number(schema.minimum ?? 0);
  const max = Number(schema.maximum ?? Number.MAX_SAFE_INTEGER);
  return fc.maxSafeInteger().map((any) => min + (Math.abs(any) % (max - min + 1)));
}

function texts(schema: JsonSchema): fc.Arbitrary<string> {
  const examples = EXAMPLES.get(String(schema.pattern));
  if (examples !== undefined) return fc.constantFrom(...examples);
  if (schema.pattern !== undefined) throw new Error(`no example of ${schema.pattern}`);
  const minLength = Number(schema.minLength ?? 0);
  return fc.string({ minLength, maxLength: Math.min(40, Number(schema.maxLength ?? 40)) });
}

const EXAMPLES: ReadonlyMap<string, readonly string[]> = new Map([
  [PATTERNS.duration, ['0s', '250ms', '1m30s', '99999h']],
  [PATTERNS.quantity, ['0', '64Ki', '10M']],
  [PATTERNS.label, ['a', 'web-reads', '0']],
  [PATTERNS.subdomain, ['a', 'web.example']],
  [PATTERNS.serviceAccount, ['*', 'web', 'web.v2']],
  [PATTERNS.port, ['http', '8080', 'a']],
  [PATTERNS.labelValue, ['', 'v1.2', 'A_b']],
  [PATTERNS.spiffeId, ['spiffe://cluster.local/ns/shop/sa/web', 'spiffe://a/b']],
  [PATTERNS.ipBlock, ['10.0.0.0/8', '::/0', 'fd00::1/128', '::ffff:10.0.0.0/104']],
  [PATTERNS.method, ['GET', 'M-SEARCH']],
  [PATTERNS.path, ['/', '/a/*', '/**', '/.well-known/a']],
  [PATTERNS.host, ['a', 'api.example.com', '*.example.com']],
  [PATTERNS.headerName, ['x-user', 'weft-caller', 'X_Y']],
  [PATTERNS.headerValue, ['a', 'b c', 'ü']],
  [PATTERNS.grpcName, ['pay.Api', 'Get', '_a']],
  [PATTERNS.healthService, ['pay.Api', 'shop-v1.Orders/ready']],
  ['^/', ['/', '/a/b']],
  [PATTERNS.url, ['http://collector:4318', 'https://a.b/c']],
  [PATTERNS.httpsUrl, ['https://id.example', 'https://a.b/c?d=e']],
]);

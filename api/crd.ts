import { asJsonSchema, type JsonSchema, literalsOf, recordEntries } from './generate/json-schema.ts';
import { MeshPolicySpecSchema } from './mesh-policy.ts';
import { API_GROUP } from './names.ts';
import { rulesOf } from './policy/rules.ts';
import { MeshPolicyStatusSchema } from './policy/status.ts';

/**
 * The CustomResourceDefinition of MeshPolicy, as plain data. Structural: no $ref, no additionalProperties beside
 * properties, no types inside anyOf but Kubernetes' own int-or-string form.
 * Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */
export function meshPolicyCrd() {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `meshpolicies.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind: 'MeshPolicy',
        listKind: 'MeshPolicyList',
        plural: 'meshpolicies',
        singular: 'meshpolicy',
        shortNames: ['mp'],
        categories: ['weft'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: PRINTER_COLUMNS,
          selectableFields: [{ jsonPath: '.spec.target.kind' }, { jsonPath: '.spec.target.name' }],
          schema: { openAPIV3Schema: documentSchema() },
        },
      ],
    },
  };
}

const PRINTER_COLUMNS = [
  { name: 'Target', type: 'string', jsonPath: '.spec.target.kind' },
  { name: 'Name', type: 'string', jsonPath: '.spec.target.name', priority: 1 },
  conditionColumn('Accepted'),
  conditionColumn('InForce'),
  {
    name: 'Proxies',
    type: 'integer',
    jsonPath: '.status.proxies.inForce',
    description: 'Proxies that hold this generation.',
  },
  {
    name: 'Of',
    type: 'integer',
    jsonPath: '.status.proxies.targeted',
    description: 'Ready proxies the policy is about.',
  },
  { name: 'Reason', type: 'string', jsonPath: conditionPath('Accepted', 'reason'), priority: 1 },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

function conditionColumn(condition: string) {
  return { name: condition, type: 'string', jsonPath: conditionPath(condition, 'status') };
}

function conditionPath(condition: string, field: string): string {
  return `.status.conditions[?(@.type=="${condition}")].${field}`;
}

function documentSchema() {
  return {
    description:
      'MeshPolicy says how the mesh treats what it targets: who may call, how callers reach it, what it may reach.',
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: toStructural(asJsonSchema(MeshPolicySpecSchema)),
      status: toStructural(asJsonSchema(MeshPolicyStatusSchema)),
    },
  };
}

/** A typebox schema as a structural OpenAPI v3 schema. */
export function toStructural(schema: JsonSchema): JsonSchema {
  return defined({
    description: schema.description,
    ...shape(schema),
    ...pick(schema, BOUNDS),
    'x-kubernetes-validations': validations(schema),
  });
}

const BOUNDS = [
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
];

function shape(schema: JsonSchema): JsonSchema {
  if (schema['x-kubernetes-int-or-string'] === true)
    return pick(schema, ['anyOf', 'x-kubernetes-int-or-string']);
  const values = literalsOf(schema) ?? (schema.enum as unknown[] | undefined);
  if (values !== undefined)
    return { type: typeof values[0] === 'number' ? 'integer' : 'string', enum: values };
  const entries = recordEntries(schema);
  if (entries !== undefined) return { type: 'object', additionalProperties: toStructural(entries) };
  if (schema.type === 'object') return { type: 'object', ...objectFields(schema) };
  if (schema.type === 'array') return { type: 'array', items: toStructural(schema.items as JsonSchema) };
  if (typeof schema.type === 'string') return { type: schema.type };
  throw new Error(`this schema has no structural form: ${Object.keys(schema).join(', ')}`);
}

function objectFields(schema: JsonSchema): JsonSchema {
  const properties = Object.entries(schema.properties as Record<string, JsonSchema>);
  const required = (schema.required ?? []) as readonly string[];
  return defined({
    required: required.length > 0 ? required : undefined,
    properties: Object.fromEntries(properties.map(([name, property]) => [name, toStructural(property)])),
  });
}

function validations(schema: JsonSchema): readonly JsonSchema[] | undefined {
  const rules = rulesOf(schema).flatMap(({ cel, message }) =>
    cel === undefined ? [] : [{ rule: cel, message }],
  );
  return rules.length > 0 ? rules : undefined;
}

function pick(schema: JsonSchema, keywords: readonly string[]): JsonSchema {
  return Object.fromEntries(
    keywords.filter((key) => schema[key] !== undefined).map((key) => [key, schema[key]]),
  );
}

function defined(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

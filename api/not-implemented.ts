import { type MeshPolicySpec, targetKind } from './mesh-policy.ts';

/**
 * What this version enforces, as paths in spec; `[]` stands for the items of a list, and a path that ends in
 * `.*` covers what is below it. Everything that is not listed is reported, so that a new field of the schema is
 * not implemented until it stands here.
 */
export const ENFORCED_PATHS: ReadonlySet<string> = new Set([
  'spec.target.kind',
  'spec.target.name',
  'spec.target.selector.matchLabels.*',
  'spec.target.ports[]',
  'spec.enforcement',
  'spec.inbound.mtls.mode',
  'spec.inbound.authorization.mode',
  'spec.inbound.authorization.default',
  'spec.inbound.authorization.rules[].name',
  'spec.inbound.authorization.rules[].action',
  'spec.inbound.authorization.rules[].from[].serviceAccount',
  'spec.inbound.authorization.rules[].from[].namespace',
  'spec.inbound.authorization.rules[].from[].spiffeId',
  'spec.inbound.authorization.rules[].from[].ipBlock',
  'spec.inbound.authorization.rules[].to[].methods[]',
  'spec.inbound.authorization.rules[].to[].paths[]',
  'spec.traffic.protocol',
]);

/** Values and combinations of enforced fields that this version does not enforce; paths as they are reported. */
export const EXCEPTIONS: readonly {
  readonly path: string;
  readonly applies: (spec: MeshPolicySpec) => boolean;
}[] = [
  { path: 'spec.enforcement', applies: (spec) => spec.enforcement === 'Mandatory' },
  {
    path: 'spec.traffic.protocol',
    applies: (spec) => spec.traffic?.protocol !== undefined && targetKind(spec) !== 'Service',
  },
  {
    path: 'spec.target.ports',
    applies: (spec) => spec.target?.ports !== undefined && spec.traffic !== undefined,
  },
];

/**
 * The fields of a valid spec that this version does not enforce, sorted, each as the shortest path under which
 * nothing is enforced: `spec.traffic.routes`, `spec.inbound.authorization.rules[].when`. Empty: all is enforced.
 * A policy with such fields is not accepted: it must never look as if it were in force.
 */
export function notImplementedFields(spec: MeshPolicySpec): string[] {
  const found = new Set<string>();
  collect(spec, 'spec', found);
  for (const exception of EXCEPTIONS) {
    if (exception.applies(spec)) found.add(exception.path);
  }
  return [...found].sort();
}

/** Recursion is bounded by the whitelist's depth: what is not a prefix of one of its paths ends it. */
function collect(value: unknown, path: string, found: Set<string>): void {
  if (isEnforced(path)) return;
  if (!leadsToEnforced(path)) {
    found.add(path.replace(/\[\]$/, ''));
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) collect(item, `${path}[]`, found);
    return;
  }
  if (typeof value !== 'object' || value === null) {
    found.add(path);
    return;
  }
  for (const [field, inner] of Object.entries(value)) {
    if (inner !== undefined) collect(inner, `${path}.${field}`, found);
  }
}

/** Whether the field at a path of the schema (`[]` for items of a list, `.*` for values of a map) is enforced. */
export function isEnforced(path: string): boolean {
  return ENFORCED_PATHS.has(path) || ENFORCED_PATHS.has(`${parent(path)}.*`);
}

function leadsToEnforced(path: string): boolean {
  return PREFIXES.has(path);
}

/** A label's key may contain dots, so the parent of a map's entry is found by the listed map itself. */
function parent(path: string): string {
  for (const listed of ENFORCED_PATHS) {
    const map = listed.slice(0, -2);
    if (listed.endsWith('.*') && path.startsWith(`${map}.`)) return map;
  }
  return '';
}

const PREFIXES: ReadonlySet<string> = new Set([...ENFORCED_PATHS].flatMap(prefixesOf));

/** `a.b[].c` → `a`, `a.b`, `a.b[]`. */
function prefixesOf(path: string): string[] {
  const ends = Array.from(path, (_, index) => index).slice(1);
  return ends
    .filter((end) => path[end] === '.' || path[end] === '[' || path[end - 1] === ']')
    .map((end) => path.slice(0, end));
}

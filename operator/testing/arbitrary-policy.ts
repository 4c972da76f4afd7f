import fc from 'fast-check';
import { asJsonSchema } from '../../api/generate/json-schema.ts';
import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import { MeshPolicySpecSchema } from '../../api/mesh-policy.ts';
import { API_VERSION } from '../../api/names.ts';
import { valuesOf } from '../../api/policy/arbitrary.ts';
import { tracesUrl } from '../../api/traces-url.ts';
import { validateMeshPolicy } from '../../api/validate.ts';

/** What generated specs name, so that they are about something. */
export interface Vocabulary {
  readonly namespaces: readonly string[];
  readonly services: readonly string[];
  readonly labels: readonly Readonly<Record<string, string>>[];
  readonly ports: readonly (string | number)[];
  readonly keySets: readonly string[];
}

type Json = Record<string, unknown>;

/**
 * Specs of every field of the schema that a judge accepts (mostly: what stays wrong is left wrong): names point at
 * what the vocabulary has, and what a rule across fields is against is taken out.
 */
export function specsOf(vocabulary: Vocabulary): fc.Arbitrary<MeshPolicySpec> {
  const raw = valuesOf(asJsonSchema(MeshPolicySpecSchema)) as fc.Arbitrary<Json>;
  const picks = fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 });
  const kinds = fc.constantFrom('Mesh', 'Namespace', 'Service', 'Workload', undefined);
  return fc.tuple(raw, kinds, picks).map(([spec, kind, seeds]) => {
    let turn = 0;
    const pick = <T>(from: readonly T[]): T => from[(seeds[turn++ % seeds.length]! + turn) % from.length]!;
    const { target: _target, targetRefs: _refs, ...parts } = spec;
    const wired = rewire(parts, '', vocabulary, pick) as Json;
    return repaired({ ...targetOf(kind, vocabulary, pick), ...withTo(kind, wired, vocabulary, pick) });
  });
}

type Pick = <T>(from: readonly T[]) => T;

function targetOf(kind: string | undefined, { services, labels, ports }: Vocabulary, pick: Pick): Json {
  if (kind === undefined) return {};
  const one = () => ({
    kind,
    ...(kind === 'Service' && { name: pick(services) }),
    ...(kind === 'Workload' && { selector: { matchLabels: pick(labels) } }),
    ...(pick([0, 1, 2]) === 0 && { ports: [pick(ports)] }),
  });
  if ((kind === 'Service' || kind === 'Workload') && pick([0, 1, 2]) === 0)
    return { targetRefs: [one(), one()] };
  return { target: one() };
}

/** Consumers' own views name what they call; what is about a Service does not. */
function withTo(kind: string | undefined, spec: Json, { services }: Vocabulary, pick: Pick): Json {
  const { traffic } = spec;
  if (typeof traffic !== 'object' || traffic === null) return spec;
  const { to, ...producer } = traffic as Json;
  if (kind === 'Service' || kind === 'Mesh') return { ...spec, traffic: producer };
  if (kind !== 'Workload' && producer.routes === undefined) return spec;
  return { ...spec, traffic: { ...producer, to: to ?? [{ service: pick(services) }] } };
}

/** @param field under which the value stands; of the list, for the items of a list */
function rewire(value: unknown, field: string, words: Vocabulary, pick: Pick): unknown {
  if (Array.isArray(value)) return unique(value.map((item) => rewire(item, field, words, pick)));
  if (field === 'service' && typeof value === 'string') return pick(words.services);
  if (field === 'namespace' && typeof value === 'string') return pick(words.namespaces);
  if (field === 'serviceAccount') return pick(['*', ...words.services]);
  if (field === 'port' && typeof value === 'number') return pick(words.ports.filter(Number));
  if (field === 'matchLabels') return pick(words.labels);
  if (field === 'jwks') return { type: 'URI', uri: pick(words.keySets) };
  if (field === 'from') return pick(sources(words));
  if (field === 'endpoint' && tracesUrl(String(value)) === undefined) return 'http://collector:4318';
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(consistent(value as Json, pick)).map(([name, inner]) => [
    name,
    rewire(inner, name, words, pick),
  ]);
  return Object.fromEntries(members);
}

/** A route answers by itself or leads on, and some headers are the mesh's own. */
function consistent(value: Json, pick: Pick): Json {
  const { redirect, ...others } = value;
  const { backends: _backends, mirror: _mirror, rewrite: _rewrite, retry: _retry, ...answering } = value;
  if (value.name === 'weft-caller') return { ...value, name: 'x-caller' };
  if (redirect === undefined) return value;
  return pick([0, 1, 2]) === 0 ? answering : others;
}

function sources({ services, namespaces }: Vocabulary): Json[] {
  return [
    { serviceAccount: services[0] },
    { namespace: namespaces[0], serviceAccount: '*' },
    { namespace: namespaces[1], serviceAccount: services[1] },
    { spiffeId: `spiffe://cluster.local/ns/${namespaces[0]}/sa/${services[0]}` },
    { ipBlock: '10.0.0.0/31' },
  ];
}

/** Lists are sets, or lists of things with names. */
function unique(items: readonly unknown[]): unknown[] {
  const byName = new Map(items.map((item) => [nameOf(item) ?? JSON.stringify(item), item]));
  return [...byName.values()];
}
function nameOf(item: unknown): string | undefined {
  return typeof item === 'object' && item !== null ? ((item as Json).name as string | undefined) : undefined;
}

const REPAIRS_MAX = 200;

/** What is wrong goes, and what cannot be without it: a spec that says less is still a spec. */
function repaired(spec: Json): MeshPolicySpec {
  const document = { apiVersion: API_VERSION, kind: 'MeshPolicy', metadata: { name: 'any' }, spec };
  for (let turn = 0; turn < REPAIRS_MAX; turn++) {
    const [problem] = validateMeshPolicy(document);
    if (problem === undefined) break;
    const path = problem.path.split(/[.[\]"]+/).filter((step) => step !== '');
    if (path.length < 2) break;
    remove(document, path);
  }
  return spec as unknown as MeshPolicySpec;
}

function remove(root: unknown, path: readonly string[]): void {
  const at = path.slice(0, -1).reduce((inner: unknown, step) => (inner as Json)?.[step], root);
  const last = path.at(-1)!;
  if (Array.isArray(at) && at.length > 1 && Number(last) in at) at.splice(Number(last), 1);
  else if (!Array.isArray(at) && typeof at === 'object' && at !== null && last in at)
    delete (at as Json)[last];
  else remove(root, path.slice(0, -1));
}

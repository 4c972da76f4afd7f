import { type MeshPolicySpec, type Target, targetKind } from '../../api/mesh-policy.ts';
import type { Labels } from './selector.ts';

/** What a spec may be about, as keys and selectors: enough to find it again, whether or not it exists. */
export interface Subjects {
  /** the workloads it targets */
  readonly targets: Scope & { readonly selectors: readonly Labels[] };
  /** the Services its `traffic` is about, its producers' or a consumer's own view */
  readonly traffic: Scope;
  /** it says which protocol those Services speak, and their own sidecars are told so too */
  readonly isAboutProtocol: boolean;
  /** it is about some ports only, whose names and numbers the workloads behind a Service decide */
  readonly hasPorts: boolean;
  /** keys of Services to which its routes lead, copies included */
  readonly backends: readonly string[];
  /** URIs of key sets */
  readonly keySets: readonly string[];
}

/** At most one of everywhere, in its own namespace, and with certain Services. */
export interface Scope {
  readonly isEverywhere: boolean;
  readonly isNamespace: boolean;
  /** keys of Services */
  readonly services: readonly string[];
}

const NOWHERE: Scope = { isEverywhere: false, isNamespace: false, services: [] };
export const NO_SUBJECTS: Subjects = {
  targets: { ...NOWHERE, selectors: [] },
  traffic: NOWHERE,
  isAboutProtocol: false,
  hasPorts: false,
  backends: [],
  keySets: [],
};

/**
 * Pure. Specs are indexed before anybody has judged them. What is not shaped as the schema has it is never in
 * force, so it is about nothing.
 *
 * @param isControlPlane the policy is in the control plane's namespace, where alone kind Mesh counts
 */
export function subjectsOf(namespace: string, spec: MeshPolicySpec, isControlPlane: boolean): Subjects {
  try {
    return targetKind(spec) === 'Mesh' && !isControlPlane ? NO_SUBJECTS : read(namespace, spec);
  } catch {
    return NO_SUBJECTS;
  }
}

function read(namespace: string, spec: MeshPolicySpec): Subjects {
  const kind = targetKind(spec);
  const targets = spec.target === undefined ? (spec.targetRefs ?? []) : [spec.target];
  const scope = scopeOf(namespace, kind, targets);
  const { traffic } = spec;
  const named = traffic?.to?.map((to) => `${to.namespace ?? namespace}/${to.service}`);
  const selectors: Labels[] = targets.flatMap(({ selector }) => (selector ? [selector.matchLabels] : []));
  const consumers = named && { ...NOWHERE, services: named };
  return {
    targets: { ...scope, selectors: kind === 'Workload' ? selectors : [] },
    traffic: traffic === undefined ? NOWHERE : (consumers ?? scope),
    isAboutProtocol: traffic?.protocol !== undefined,
    hasPorts: targets.some(({ ports }) => ports !== undefined),
    backends: (traffic?.routes ?? []).flatMap(({ backends = [], mirror }) =>
      [...backends, ...(mirror === undefined ? [] : [mirror])].map(
        (each) => `${each.namespace ?? namespace}/${each.service}`,
      ),
    ),
    keySets: (spec.inbound?.jwt?.issuers ?? []).flatMap(({ jwks }) => jwks.uri ?? []),
  };
}

function scopeOf(namespace: string, kind: string, targets: readonly Target[]): Scope {
  if (kind === 'Mesh') return { ...NOWHERE, isEverywhere: true };
  if (kind === 'Namespace') return { ...NOWHERE, isNamespace: true };
  if (kind !== 'Service') return NOWHERE;
  return { ...NOWHERE, services: targets.map(({ name }) => `${namespace}/${name}`) };
}

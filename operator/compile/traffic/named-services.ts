import type { MeshPolicySpec } from '../../../api/mesh-policy.ts';

/** Keys of the Services that the `traffic` of a policy names besides its target; each once. */
export interface NamedServices {
  /** a consumer's own view is about these */
  readonly to: readonly string[];
  /** where its routes lead, copies included */
  readonly backends: readonly string[];
}

/** Pure. @param namespace of the policy: a name without namespace is of it */
export function namedServices(namespace: string, { traffic }: MeshPolicySpec): NamedServices {
  const key = (named: { readonly service: string; readonly namespace?: string }) =>
    `${named.namespace ?? namespace}/${named.service}`;
  const routes = traffic?.routes ?? [];
  const backends = routes.flatMap(({ backends: list = [], mirror }) => [
    ...list,
    ...(mirror ? [mirror] : []),
  ]);
  return {
    to: [...new Set((traffic?.to ?? []).map(key))],
    backends: [...new Set(backends.map(key))],
  };
}

import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Saying } from './leaf.ts';
import type { Hit } from './target.ts';

/** What each policy says of one leaf; those that say nothing of it are left out. */
export function sayingsOf<T>(
  hits: readonly Hit[],
  field: string,
  read: (spec: MeshPolicySpec) => T | undefined,
): Saying<T>[] {
  const sayings: Saying<T>[] = [];
  for (const { policy, specificity } of hits) {
    const value = read(policy.spec);
    if (value !== undefined) sayings.push({ policy, specificity, field, value });
  }
  return sayings;
}

/** For what has no ports: a target's ports say which pods are meant, and do not make it more specific. */
export function withoutPorts(hits: readonly Hit[]): Hit[] {
  return hits.map((hit) =>
    hit.ports === undefined ? hit : { ...hit, ports: undefined, specificity: hit.specificity - 1 },
  );
}

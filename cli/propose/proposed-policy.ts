import type { MeshPolicy, Target } from '../../api/mesh-policy.ts';
import type { ProposedRule } from './propose.ts';

export interface Naming {
  readonly name: string;
  readonly namespace: string;
  readonly target: Target;
}

/** Pure: the document of a proposal. At least one rule. */
export function proposedPolicy(
  { name, namespace, target }: Naming,
  rules: readonly ProposedRule[],
): MeshPolicy {
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'MeshPolicy',
    metadata: { name, namespace },
    spec: {
      target,
      inbound: {
        authorization: {
          rules: rules.map(({ name: rule, from, to }) => ({
            ...{ name: rule, action: 'Allow', from: [...from] },
            to: to.map(({ operation }) => operation),
          })),
        },
      },
    },
  };
}

import type { PolicyCondition, PolicyView } from '../access/access.ts';

export function condition(
  type: string,
  status: string,
  change: Partial<PolicyCondition> = {},
): PolicyCondition {
  return {
    type,
    status,
    reason: `${type}Reason`,
    message: `${type} is ${status}`,
    observedGeneration: 3,
    ...change,
  };
}

/** Of generation 3, seen, accepted and in force. */
export function policy(change: Partial<PolicyView> = {}): PolicyView {
  return {
    ...{ namespace: 'shop', name: 'payments', uid: 'u-1', spec: {}, generation: 3, observedGeneration: 3 },
    conditions: [
      condition('Accepted', 'True'),
      condition('ResolvedRefs', 'True'),
      condition('InForce', 'True', { message: 'in force on 2 of 2 proxies' }),
      condition('Conflicted', 'False'),
    ],
    ...{ proxies: { targeted: 2, inForce: 2, refused: 0 }, laggards: [] },
    ...change,
  };
}

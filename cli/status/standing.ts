import type { PolicyCondition, PolicyView } from '../access/access.ts';

export interface Standing {
  /** `never`: only another generation can change it */
  readonly state: 'yes' | 'not yet' | 'never';
  readonly text: string;
}

/** Pure: whether a condition is true of the newest generation of a policy. */
export function standing(policy: PolicyView, type: string): Standing {
  const { generation, observedGeneration, laggards } = policy;
  const name = `policy ${policy.namespace}/${policy.name}`;
  if (generation === undefined)
    return { state: 'not yet', text: `${name}: the operator has not read it as it is now` };
  if (observedGeneration < generation) {
    return { state: 'not yet', text: `${name}: the operator has not seen generation ${generation}` };
  }
  const accepted = conditionOf(policy, 'Accepted');
  if (accepted?.status === 'False') {
    const text = `${name}: generation ${generation} is not accepted (${accepted.reason}): ${accepted.message}`;
    return { state: 'never', text };
  }
  const condition = conditionOf(policy, type);
  const isTrue = condition?.status === 'True' && (condition.observedGeneration ?? generation) >= generation;
  const words =
    condition === undefined ? `nothing is said of ${type}` : condition.message || condition.reason;
  const late = laggards.length === 0 ? '' : `; waiting for ${laggards.map(({ pod }) => pod).join(', ')}`;
  const text = `${name}: generation ${generation} ${words}`;
  return isTrue ? { state: 'yes', text } : { state: 'not yet', text: text + late };
}

export function conditionOf({ conditions }: PolicyView, type: string): PolicyCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

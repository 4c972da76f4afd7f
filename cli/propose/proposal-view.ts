import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { timeOf } from '../traffic/times.ts';
import { sumOf } from './grants.ts';
import type { Proposal } from './propose.ts';

/** Pure: a proposal for programs. */
export function proposalView(policy: MeshPolicy, proposal: Proposal, remarks: readonly string[]) {
  const { rules, uncovered, denied, allowed, deniedBefore } = proposal;
  return {
    policy,
    rules: rules.map(({ name, requests, firstMs, lastMs, conditional }) => ({
      ...{ name, requests, first: timeOf(firstMs), last: timeOf(lastMs), conditional },
    })),
    uncovered: uncovered.map(({ caller, reason, seen }) => ({
      ...{ caller, reason, requests: sumOf(seen) },
      operations: seen.map(({ method, path, requests }) => ({ method, path, requests })),
    })),
    denied: denied.map(({ caller, seen: { method, path, requests, rules: decided } }) => ({
      ...{ caller, method, path, requests, rules: [...decided] },
    })),
    ...{ allowed, deniedBefore, remarks },
  };
}

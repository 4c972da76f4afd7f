import type { Mesh } from '../mesh/mesh.ts';
import type { Change, Policy } from '../mesh/model.ts';
import { acceptanceOf } from './effective.ts';

/**
 * The same changes, and before each of a policy what is in force of it: it may change to what is not acceptable before
 * the leader has stored what was, or while nobody leads, and would be in force no more.
 */
export function keepInForce(mesh: Mesh, changes: readonly Change[]): Change[] {
  return changes.flatMap((change) => {
    if (change.kind !== 'Policy' || change.value === undefined) return [change];
    const before = mesh.policy(change.key);
    const isNewer = before?.uid === change.value.uid && before.generation < change.value.generation;
    return isNewer ? [...revisionOf(mesh, before), change] : [change];
  });
}

/** As the last accepted one of the policy; none if it is not acceptable, or is that already. */
export function revisionOf(mesh: Mesh, policy: Policy): Change[] {
  const { key, uid, generation, spec } = policy;
  if (mesh.accepted(policy)?.generation === generation || !acceptanceOf(mesh, policy).accepted) return [];
  return [{ kind: 'AcceptedRevision', key, value: { key, uid, generation, spec } }];
}

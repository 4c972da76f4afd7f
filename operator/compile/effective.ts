import type { MeshPolicySpec } from '../../api/mesh-policy.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { AcceptedRevision, MeshSettings, Policy, Service, Workload } from '../mesh/model.ts';
import { type Acceptance, judge } from './acceptance.ts';

/** What of a policy is in force: its spec, or the last one that was accepted. */
export interface EffectivePolicy {
  readonly key: string;
  readonly namespace: string;
  readonly uid: string;
  readonly createdAt: string;
  /** of `spec`, which may be older than the policy's newest */
  readonly generation: number;
  readonly spec: MeshPolicySpec;
}

/** Judging is pure but not free, and a policy is asked about once for every proxy it may be about. */
const judged = new WeakMap<Policy | AcceptedRevision, { settings: MeshSettings; acceptance: Acceptance }>();

export function acceptanceOf(mesh: Mesh, policy: Policy): Acceptance {
  return judgeOnce(mesh, policy, () => policy);
}

/** It was acceptable when it was stored, but anybody who may write such objects may have stored another. */
function isStillAcceptable(mesh: Mesh, policy: Policy, revision: AcceptedRevision): boolean {
  const asPolicy = () => ({ ...policy, generation: revision.generation, spec: revision.spec });
  return judgeOnce(mesh, revision, asPolicy).accepted;
}

function judgeOnce(mesh: Mesh, key: Policy | AcceptedRevision, policy: () => Policy): Acceptance {
  const known = judged.get(key);
  if (known?.settings === mesh.settings) return known.acceptance;
  const acceptance = judge(policy(), mesh.settings);
  judged.set(key, { settings: mesh.settings, acceptance });
  return acceptance;
}

/** Undefined: the policy was never acceptable, so it has no effect. */
export function effective(mesh: Mesh, policy: Policy): EffectivePolicy | undefined {
  const { key, namespace, uid, createdAt } = policy;
  const source = acceptanceOf(mesh, policy).accepted ? policy : mesh.accepted(policy);
  if (source === undefined) return undefined;
  if (source !== policy && !isStillAcceptable(mesh, policy, source)) return undefined;
  return { key, namespace, uid, createdAt, generation: source.generation, spec: source.spec };
}

/** All that may target the workload, sorted by key. */
export function effectiveOn(mesh: Mesh, workload: Workload): EffectivePolicy[] {
  return mesh.policiesTargeting(workload).flatMap((policy) => effective(mesh, policy) ?? []);
}

/** All whose `traffic` may be about the Service, consumers' views of it included; sorted by key. */
export function effectiveOnTraffic(mesh: Mesh, service: Service): EffectivePolicy[] {
  return mesh.policiesOnTraffic(service.key).flatMap((policy) => effective(mesh, policy) ?? []);
}

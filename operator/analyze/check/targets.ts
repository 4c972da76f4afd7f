import { targetKind } from '../../../api/mesh-policy.ts';
import type { EffectivePolicy } from '../../compile/effective.ts';
import { targetsOf } from '../../compile/target.ts';
import type { Found } from './codes.ts';
import { type Inspection, onPolicy } from './inspection.ts';

/** Policies that are accepted and about nobody. */
export function withoutTargets(inspection: Inspection): Found[] {
  return inspection.policies.flatMap((policy) => {
    if (!isEnforcedByTargets(policy) || namesMissingService(inspection, policy)) return [];
    const targeted = inspection.targeted(policy);
    if (targeted.length > 0 && inspection.proxiesOf(policy).length > 0) return [];
    const field = policy.spec.targetRefs === undefined ? 'spec.target' : 'spec.targetRefs';
    if (targeted.length > 0) {
      return onPolicy(policy, field, {
        ...{ severity: 'warning', code: 'TargetsWithoutSidecar' },
        message: `none of the ${targeted.length} pods it is about has a sidecar, so nobody enforces it`,
        fix: `label namespace ${targeted[0]!.namespace} weft.dev/inject: enabled and roll the pods out again`,
      });
    }
    const isSelector = targetKind(policy.spec) === 'Workload';
    return onPolicy(policy, field, {
      ...{ severity: 'warning', code: 'TargetsNothing' },
      message: isSelector
        ? `no pod of namespace ${policy.namespace} has the labels of its selector`
        : 'no pod is what it is about',
      fix: isSelector
        ? `correct the labels: kubectl get pods -n ${policy.namespace} --show-labels`
        : 'start the pods, correct the target, or remove the policy',
    });
  });
}

/** Of a producer's `traffic` the callers are told, whoever the target is. */
function isEnforcedByTargets({ spec: { inbound, egress, telemetry, traffic } }: EffectivePolicy): boolean {
  return [inbound, egress, telemetry, traffic?.to].some((part) => part !== undefined);
}

/** That is said of it already. */
function namesMissingService({ mesh }: Inspection, { namespace, spec }: EffectivePolicy): boolean {
  return targetsOf(spec).some(
    ({ kind, name }) => kind === 'Service' && !mesh.service(`${namespace}/${name}`),
  );
}

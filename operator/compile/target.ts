import { type MeshPolicySpec, type Target, targetKind } from '../../api/mesh-policy.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, Workload } from '../mesh/model.ts';
import { selects } from '../mesh/selector.ts';
import { byPrecedence } from './conflict.ts';
import { type EffectivePolicy, effectiveOn } from './effective.ts';
import { containerPorts, servicePortsNamed } from './service-ports.ts';

/** How a policy is about one workload. */
export interface Hit {
  readonly policy: EffectivePolicy;
  /** Mesh 0 < Namespace 2 < Service 4 < Workload 6; one more with ports */
  readonly specificity: number;
  /** container ports of this workload, sorted; undefined: all */
  readonly ports: readonly number[] | undefined;
}

const KINDS = ['Mesh', 'Namespace', 'Service', 'Workload'];
const OWN_NAMESPACE: readonly Target[] = [{ kind: 'Namespace' }];

/** What a policy is about: without `target`, its own namespace. */
export function targetsOf(spec: MeshPolicySpec): readonly Target[] {
  return spec.target === undefined ? (spec.targetRefs ?? OWN_NAMESPACE) : [spec.target];
}

/** All that is in the configuration of the workload's own sidecar, the strongest first. */
export function hitsOn(mesh: Mesh, workload: Workload): Hit[] {
  const services = mesh.servicesOver(workload);
  const policies = effectiveOn(mesh, workload).filter(({ spec }) => isForTarget(spec));
  const hits = policies.flatMap((policy) => hitOf(mesh, policy, workload, services) ?? []);
  return hits.sort(strongestHitFirst);
}

export function strongestHitFirst(a: Hit, b: Hit): number {
  return b.specificity - a.specificity || byPrecedence(a.policy, b.policy);
}

/** Of `traffic`, which is enforced by the callers, the target is told the protocol. */
function isForTarget({ inbound, egress, telemetry, traffic }: MeshPolicySpec): boolean {
  return [inbound, egress, telemetry, traffic?.protocol].some((part) => part !== undefined);
}

/**
 * Undefined: not about this workload, or about ports that it does not have. Of several targets those count that
 * are about it: the policy has ports here only if all of them have.
 * @param services that are over the workload
 */
export function hitOf(
  mesh: Mesh,
  policy: EffectivePolicy,
  workload: Workload,
  services: readonly Service[],
): Hit | undefined {
  const targets = targetsOf(policy.spec).filter((target) => isAbout(policy, target, workload, services));
  if (targets.length === 0) return undefined;
  const specificity = KINDS.indexOf(targetKind(policy.spec)) * 2;
  if (targets.some((target) => target.ports === undefined)) return { policy, specificity, ports: undefined };
  const ports = targets.flatMap((target) => resolvePorts(mesh, target, workload, services));
  if (ports.length === 0) return undefined;
  return { policy, specificity: specificity + 1, ports: [...new Set(ports)].sort((a, b) => a - b) };
}

/** Whatever its ports. @param services that are over the workload */
export function isAbout(
  policy: Pick<EffectivePolicy, 'namespace'>,
  target: Target,
  workload: Workload,
  services: readonly Service[],
): boolean {
  if (target.kind === 'Mesh') return true;
  if (policy.namespace !== workload.namespace) return false;
  if (target.kind === 'Namespace') return true;
  if (target.kind === 'Workload') return selects(target.selector?.matchLabels ?? {}, workload.labels);
  return services.some((service) => service.name === target.name);
}

/** For a Service target its own ports count first, then, as for the others, ports of the container. */
function resolvePorts(
  mesh: Mesh,
  { kind, name, ports = [] }: Target,
  workload: Workload,
  services: readonly Service[],
): number[] {
  const service = kind === 'Service' ? services.find((each) => each.name === name) : undefined;
  return ports.flatMap((port) => {
    const named = service === undefined ? [] : servicePortsNamed(service, port);
    if (service !== undefined && named.length > 0) {
      return named.flatMap((servicePort) => containerPorts(mesh, service, servicePort, workload));
    }
    return typeof port === 'number' ? [port] : portsByName(workload, port);
  });
}

function portsByName(workload: Workload, name: string): number[] {
  return workload.ports.filter((port) => port.name === name).map((port) => port.port);
}

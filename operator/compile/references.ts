import type { Target } from '../../api/mesh-policy.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Policy, Service, Workload } from '../mesh/model.ts';
import { type EffectivePolicy, effective } from './effective.ts';
import { servicePortsNamed } from './service-ports.ts';
import { isAbout, targetsOf } from './target.ts';
import { type Unresolved, unresolvedServices } from './traffic/unresolved.ts';
import { awaitedKeys, type UnavailableKeys, unavailableKeys } from './unavailable-keys.ts';

/** Whether what a policy names exists; status and reason as Gateway API's condition ResolvedRefs has them. */
export interface References {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: 'ResolvedRefs' | 'NotAccepted' | Unresolved['reason'] | UnavailableKeys['reason'];
  readonly message: string;
}

const RESOLVED: References = {
  status: 'True',
  reason: 'ResolvedRefs',
  message: 'the target, its ports and the Services that are named exist',
};
const SHOWN_MAX = 5;

/** Pure. Of the spec in force: what was not accepted leads nowhere. The first reason stands for all. */
export function referencesOf(mesh: Mesh, policy: Policy): References {
  const inForce = effective(mesh, policy);
  if (inForce === undefined) {
    return { status: 'Unknown', reason: 'NotAccepted', message: 'no generation of it was ever accepted' };
  }
  const keys = unavailableKeys(mesh, inForce.spec);
  const unresolved = [...unresolvedRefs(mesh, inForce), ...keys];
  const [first] = unresolved;
  if (first === undefined) {
    const awaited = awaitedKeys(mesh, inForce.spec);
    return awaited === undefined ? RESOLVED : { status: 'Unknown', ...awaited };
  }
  const messages = unresolved.slice(0, SHOWN_MAX).map(({ message }) => message);
  return { status: 'False', reason: first.reason, message: messages.join('; ') };
}

/** Services and ports that the policy names and that are not there, each with the field that names it. */
export function unresolvedRefs(mesh: Mesh, policy: EffectivePolicy): Unresolved[] {
  const { targetRefs } = policy.spec;
  const targets = targetsOf(policy.spec).flatMap((target, index) =>
    unresolvedTarget(mesh, policy, target, targetRefs ? `spec.targetRefs[${index}]` : 'spec.target'),
  );
  return [...targets, ...unresolvedServices(mesh, policy)];
}

function unresolvedTarget(mesh: Mesh, policy: EffectivePolicy, target: Target, field: string): Unresolved[] {
  const reason = 'TargetNotFound';
  const service = missingService(mesh, policy, target);
  if (service !== undefined) return [{ reason, field, message: service }];
  const ports = missingPorts(mesh, policy, target);
  return ports === undefined ? [] : [{ reason, field: `${field}.ports`, message: ports }];
}

function targetService(
  mesh: Mesh,
  { namespace }: EffectivePolicy,
  { kind, name }: Target,
): Service | undefined {
  return kind === 'Service' ? mesh.service(`${namespace}/${name}`) : undefined;
}

function missingService(mesh: Mesh, policy: EffectivePolicy, target: Target): string | undefined {
  if (target.kind !== 'Service' || targetService(mesh, policy, target) !== undefined) return undefined;
  return `Service ${policy.namespace}/${target.name} does not exist`;
}

function missingPorts(mesh: Mesh, policy: EffectivePolicy, target: Target): string | undefined {
  const service = targetService(mesh, policy, target);
  const wanted = target.ports ?? [];
  if (wanted.length === 0) return undefined;
  const workloads = targeted(mesh, policy, target);
  const missing = wanted.filter((port) => !exists(port, service, workloads));
  if (missing.length === 0) return undefined;
  const owners =
    service === undefined
      ? 'no targeted workload has'
      : `neither Service ${service.key} nor a workload behind it has`;
  return `${owners} a port ${missing.join(' or ')}`;
}

function targeted(mesh: Mesh, policy: EffectivePolicy, target: Target): Workload[] {
  const candidates = target.kind === 'Mesh' ? mesh.workloads() : mesh.workloadsOf(policy.namespace);
  return candidates.filter(
    (each) => !each.finished && isAbout(policy, target, each, mesh.servicesOver(each)),
  );
}

/**
 * Where there is nobody to ask, a port is taken to exist. So is a number while some workload declares no ports
 * at all: containers may listen on ports that they do not declare.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#ports
 */
function exists(
  port: string | number,
  service: Service | undefined,
  workloads: readonly Workload[],
): boolean {
  if (service !== undefined && servicePortsNamed(service, port).length > 0) return true;
  if (service?.ports.some(({ targetPort }) => targetPort === port)) return true;
  if (workloads.length === 0) return true;
  const declared = workloads.map(({ ports }) => ports);
  if (typeof port === 'number' && declared.some((ports) => ports.length === 0)) return true;
  return declared.flat().some((each) => (typeof port === 'number' ? each.port : each.name) === port);
}

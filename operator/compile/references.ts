import { type MeshPolicySpec, targetKind } from '../../api/mesh-policy.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Policy, Service, Workload } from '../mesh/model.ts';
import { effective } from './effective.ts';
import { servicePortsNamed } from './service-ports.ts';
import { isAbout } from './target.ts';

/** Whether what a policy names exists; status and reason as Gateway API's condition ResolvedRefs has them. */
export interface References {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: 'ResolvedRefs' | 'TargetNotFound' | 'NotAccepted';
  readonly message: string;
}

const RESOLVED: References = {
  status: 'True',
  reason: 'ResolvedRefs',
  message: 'the target and its ports exist',
};

/** Pure. Of the spec in force: what was not accepted leads nowhere. */
export function referencesOf(mesh: Mesh, policy: Policy): References {
  const spec = effective(mesh, policy)?.spec;
  if (spec === undefined) {
    return { status: 'Unknown', reason: 'NotAccepted', message: 'no generation of it was ever accepted' };
  }
  const message = missingService(mesh, policy, spec) ?? missingPorts(mesh, policy, spec);
  return message === undefined ? RESOLVED : { status: 'False', reason: 'TargetNotFound', message };
}

function targetService(mesh: Mesh, { namespace }: Policy, spec: MeshPolicySpec): Service | undefined {
  return targetKind(spec) === 'Service' ? mesh.service(`${namespace}/${spec.target?.name}`) : undefined;
}

function missingService(mesh: Mesh, policy: Policy, spec: MeshPolicySpec): string | undefined {
  if (targetKind(spec) !== 'Service' || targetService(mesh, policy, spec) !== undefined) return undefined;
  return `Service ${policy.namespace}/${spec.target?.name} does not exist`;
}

function missingPorts(mesh: Mesh, policy: Policy, spec: MeshPolicySpec): string | undefined {
  const service = targetService(mesh, policy, spec);
  const wanted = spec.target?.ports ?? [];
  if (wanted.length === 0) return undefined;
  const workloads = targeted(mesh, policy, spec);
  const missing = wanted.filter((port) => !exists(port, service, workloads));
  if (missing.length === 0) return undefined;
  const owners =
    service === undefined
      ? 'no targeted workload has'
      : `neither Service ${service.key} nor a workload behind it has`;
  return `${owners} a port ${missing.join(' or ')}`;
}

function targeted(mesh: Mesh, policy: Policy, spec: MeshPolicySpec): Workload[] {
  const kind = targetKind(spec);
  const candidates = kind === 'Mesh' ? mesh.workloads() : mesh.workloadsOf(policy.namespace);
  return candidates.filter(
    (each) => !each.finished && isAbout(policy, kind, spec.target, each, mesh.servicesOver(each)),
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

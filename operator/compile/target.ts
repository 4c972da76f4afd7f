import { type Target, targetKind } from '../../api/mesh-policy.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, Workload } from '../mesh/model.ts';
import { selects } from '../mesh/selector.ts';
import type { EffectivePolicy } from './effective.ts';
import { containerPorts, servicePortsNamed } from './service-ports.ts';

/** How a policy is about one workload. */
export interface Hit {
  readonly policy: EffectivePolicy;
  /** Mesh 0 < Namespace 1 < Service 2 < Workload 3; with ports above without, at the same kind only */
  readonly specificity: number;
  /** container ports of this workload, sorted; undefined: all */
  readonly ports: readonly number[] | undefined;
}

const KINDS = ['Mesh', 'Namespace', 'Service', 'Workload'];

/** Undefined: not about this workload, or about ports that it does not have. */
export function hitOf(mesh: Mesh, policy: EffectivePolicy, workload: Workload): Hit | undefined {
  const kind = targetKind(policy.spec);
  const { target } = policy.spec;
  const services = mesh.servicesOver(workload);
  if (!isAbout(policy, kind, target, workload, services)) return undefined;
  const specificity = KINDS.indexOf(kind) * 2;
  if (target?.ports === undefined) return { policy, specificity, ports: undefined };
  const service = kind === 'Service' ? mesh.service(`${policy.namespace}/${target.name}`) : undefined;
  const ports = resolvePorts(mesh, target.ports, workload, service);
  return ports.length === 0 ? undefined : { policy, specificity: specificity + 1, ports };
}

/** Whatever its ports. @param services that are over the workload */
export function isAbout(
  policy: Pick<EffectivePolicy, 'namespace'>,
  kind: string,
  target: Target | undefined,
  workload: Workload,
  services: readonly Service[],
): boolean {
  if (kind === 'Mesh') return true;
  if (policy.namespace !== workload.namespace) return false;
  if (kind === 'Namespace') return true;
  if (kind === 'Workload') return selects(target?.selector?.matchLabels ?? {}, workload.labels);
  return services.some((service) => service.name === target?.name);
}

/** For a Service target its own ports count first, then, as for the others, ports of the container. */
function resolvePorts(
  mesh: Mesh,
  ports: readonly (string | number)[],
  workload: Workload,
  service: Service | undefined,
): number[] {
  const resolved = ports.flatMap((port) => {
    const named = service === undefined ? [] : servicePortsNamed(service, port);
    if (service !== undefined && named.length > 0) {
      return named.flatMap((servicePort) => containerPorts(mesh, service, servicePort, workload));
    }
    return typeof port === 'number' ? [port] : portsByName(workload, port);
  });
  return [...new Set(resolved)].sort((a, b) => a - b);
}

function portsByName(workload: Workload, name: string): number[] {
  return workload.ports.filter((port) => port.name === name).map((port) => port.port);
}

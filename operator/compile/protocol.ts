import { targetKind } from '../../api/mesh-policy.ts';
import type { Protocol } from '../../api/proxy-config.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';
import { byPrecedence, type Conflict } from './conflict.ts';
import { type EffectivePolicy, effectivePolicies } from './effective.ts';
import { containerPorts } from './service-ports.ts';

/** The policies with `traffic` about this Service, the one that wins first. */
export function trafficPolicies(mesh: Mesh, service: Service): EffectivePolicy[] {
  const policies = effectivePolicies(mesh, service.namespace).filter(
    ({ namespace, spec }) =>
      namespace === service.namespace &&
      spec.traffic !== undefined &&
      targetKind(spec) === 'Service' &&
      spec.target?.name === service.name,
  );
  return policies.sort(byPrecedence);
}

/** Declared by policy, else by appProtocol, else undefined: who speaks first decides. */
export function serviceProtocol(mesh: Mesh, service: Service, port: ServicePort): Protocol | undefined {
  const [winner] = trafficPolicies(mesh, service).filter(({ spec }) => spec.traffic?.protocol !== undefined);
  return winner?.spec.traffic?.protocol ?? port.protocol;
}

export function protocolConflicts(mesh: Mesh, service: Service): Conflict[] {
  const declared = trafficPolicies(mesh, service).filter(({ spec }) => spec.traffic?.protocol !== undefined);
  const [winner, ...losers] = declared;
  return losers
    .filter(({ spec }) => spec.traffic?.protocol !== winner!.spec.traffic?.protocol)
    .map((loser) => ({ loser: loser.key, winner: winner!.key, field: 'spec.traffic.protocol' }));
}

/** Container port → protocol, where all Services over the workload that declare one agree. */
export function inboundProtocols(mesh: Mesh, workload: Workload): Map<number, Protocol> {
  const declared = new Map<number, Set<Protocol>>();
  for (const service of mesh.servicesOver(workload)) {
    for (const port of service.ports) {
      const protocol = serviceProtocol(mesh, service, port);
      if (protocol === undefined) continue;
      for (const container of containerPorts(mesh, service, port, workload)) {
        declared.set(container, (declared.get(container) ?? new Set()).add(protocol));
      }
    }
  }
  const agreed = [...declared].filter(([, protocols]) => protocols.size === 1);
  return new Map(agreed.map(([port, protocols]) => [port, [...protocols][0]!]));
}

import type { Protocol } from '../../api/proxy-config.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';
import { containerPorts } from './service-ports.ts';
import { producerHits } from './traffic/hits.ts';
import { settleLeaf } from './traffic/leaves.ts';

/**
 * What a Service speaks to all who call it, whatever a consumer thinks of it: declared by policy, else by
 * appProtocol, else undefined: who speaks first decides.
 */
export function serviceProtocol(mesh: Mesh, service: Service, port: ServicePort): Protocol | undefined {
  return settleLeaf(producerHits(mesh, service, port), 'protocol')?.value ?? port.protocol;
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

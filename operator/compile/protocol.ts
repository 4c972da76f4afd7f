import type { Protocol } from '../../api/proxy-config.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';
import { type CompiledOrigin, originOfLeaf } from './compiled-origin.ts';
import type { Settled } from './leaf.ts';
import { containerPorts } from './service-ports.ts';
import { producerHits } from './traffic/hits.ts';
import { settleLeaf } from './traffic/leaves.ts';

/** What somebody says that a port speaks. */
export interface DeclaredProtocol {
  readonly protocol: Protocol;
  /** undefined: no policy does, the Service itself */
  readonly settled: Settled<Protocol> | undefined;
}

/**
 * What a Service speaks to all who call it, whatever a consumer thinks of it: declared by policy, else by
 * appProtocol, else undefined: who speaks first decides.
 */
export function serviceProtocol(mesh: Mesh, service: Service, port: ServicePort): Protocol | undefined {
  return declaredProtocol(mesh, service, port)?.protocol;
}

function declaredProtocol(mesh: Mesh, service: Service, port: ServicePort): DeclaredProtocol | undefined {
  const settled = settleLeaf(producerHits(mesh, service, port), 'protocol');
  const protocol = settled?.value ?? port.protocol;
  return protocol && { protocol, settled };
}

/** Container port → protocol, where all Services over the workload that declare one agree; by the first of them. */
export function inboundProtocols(mesh: Mesh, workload: Workload): Map<number, DeclaredProtocol> {
  const agreed = new Map<number, DeclaredProtocol>();
  const disputed = new Set<number>();
  for (const service of mesh.servicesOver(workload)) {
    for (const port of service.ports) {
      const declared = declaredProtocol(mesh, service, port);
      if (declared === undefined) continue;
      for (const container of containerPorts(mesh, service, port, workload)) {
        const known = agreed.get(container);
        if (known === undefined) agreed.set(container, declared);
        else if (known.protocol !== declared.protocol) disputed.add(container);
      }
    }
  }
  for (const port of disputed) agreed.delete(port);
  return agreed;
}

/** By the port, ascending. They stand apart from `inbound`: to have a protocol is not to have values of its own. */
export function protocolOrigins(declared: ReadonlyMap<number, DeclaredProtocol>): CompiledOrigin[] {
  return [...declared]
    .sort(([a], [b]) => a - b)
    .map(([port, { protocol, settled }]) => originOfLeaf(`ports.protocol[${port}]`, settled, protocol));
}

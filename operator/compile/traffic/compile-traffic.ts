import type { Backend } from '../../../api/destination.ts';
import type { DestinationTraffic } from '../../../api/destination-traffic.ts';
import type { Protocol } from '../../../api/proxy-config.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../../mesh/model.ts';
import type { DestinationKey } from '../destination-key.ts';
import { EndpointRoom } from '../endpoint-room.ts';
import { type BackendSayings, Backends } from './backends.ts';
import { destinationTraffic } from './group-policy.ts';
import { type TrafficHit, trafficHits } from './hits.ts';
import { type Leaves, settleTraffic } from './leaves.ts';
import { compileRoutes } from './routes.ts';

export interface CompiledTraffic {
  readonly protocol: Protocol | undefined;
  readonly traffic: DestinationTraffic | undefined;
  readonly backends: readonly Backend[];
  /** policy uid → generation, of all that are about it: also of those that are overruled, which are in force too */
  readonly policies: ReadonlyMap<string, number>;
  readonly leaves: Leaves;
  readonly backendSayings: readonly BackendSayings[];
}

/**
 * Pure: how one consumer reaches one port of a Service.
 * @param room for the backends' endpoints
 */
export function compileTraffic(
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  asked: DestinationKey,
  consumer: Workload,
  room: EndpointRoom = new EndpointRoom(),
): CompiledTraffic {
  const hits = trafficHits(mesh, service, port, consumer);
  const leaves = settleTraffic(hits);
  const protocol = leaves.protocol?.value ?? port.protocol;
  const backends = new Backends(mesh, service, asked, consumer, room);
  // Opaque bytes have no path and no header: they go to the Service itself.
  const routes = protocol === 'TCP' ? undefined : routesOf(mesh, hits, leaves, backends, consumer);
  return {
    protocol,
    traffic: destinationTraffic(leaves, routes),
    backends: backends.list,
    policies: new Map([...hits, ...backends.hits].map(({ policy }) => [policy.uid, policy.generation])),
    leaves,
    backendSayings: backends.sayings,
  };
}

function routesOf(
  mesh: Mesh,
  hits: readonly TrafficHit[],
  { routes }: Leaves,
  backends: Backends,
  consumer: Workload,
): DestinationTraffic['routes'] {
  if (routes === undefined) return undefined;
  const { policy } = hits.find((hit) => hit.policy.key === routes.origin.policy)!;
  return compileRoutes(routes.value, {
    policy: policy.key,
    namespace: policy.namespace,
    consumer,
    trustDomain: mesh.settings.trustDomain,
    backend: (ref) => backends.indexOf(ref, policy),
  });
}

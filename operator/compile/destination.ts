import type { Destination } from '../../api/destination.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';
import { type DestinationKey, parseDestinationKey } from './destination-key.ts';
import { EndpointRoom } from './endpoint-room.ts';
import { endpoint, endpointsOf, ofFamily, workloadAt } from './endpoints.ts';
import { inboundProtocols } from './protocol.ts';
import { compileTraffic } from './traffic/compile-traffic.ts';
import { versionOf } from './version.ts';

/** What a key leads to; undefined: nothing in the mesh has this address. */
export type Found =
  | {
      readonly kind: 'Service';
      readonly service: Service;
      readonly port: ServicePort;
      readonly asked: DestinationKey;
    }
  | { readonly kind: 'Workload'; readonly workload: Workload; readonly asked: DestinationKey };

/** Pure. Null: nothing in the mesh has this address, so the sidecar passes it through. */
export function compileDestination(mesh: Mesh, key: string, consumer: Workload): Destination | null {
  const found = findDestination(mesh, key);
  if (found === undefined) return null;
  if (found.kind === 'Workload') return ofWorkload(mesh, key, found.asked, found.workload);
  return ofService(mesh, key, found, consumer);
}

export function findDestination(mesh: Mesh, key: string): Found | undefined {
  const asked = parseDestinationKey(key);
  if (asked === undefined) return undefined;
  const { host, isAddress } = asked;
  const service = isAddress ? mesh.serviceByAddress(host) : mesh.service(host);
  if (service !== undefined) {
    const port = service.ports.find((each) => each.port === asked.port);
    return port && { kind: 'Service', service, port, asked };
  }
  const workload = isAddress ? workloadAt(mesh, host, asked.port) : undefined;
  return workload && { kind: 'Workload', workload, asked };
}

function ofService(
  mesh: Mesh,
  key: string,
  { service, port, asked }: Extract<Found, { kind: 'Service' }>,
  consumer: Workload,
): Destination {
  const room = new EndpointRoom();
  const endpoints = endpointsOf(mesh, service, port);
  const own = room.take(asked.isAddress ? ofFamily(endpoints, asked.host) : endpoints);
  const { protocol, traffic, backends, policies } = compileTraffic(
    mesh,
    service,
    port,
    asked,
    consumer,
    room,
  );
  const content = {
    key,
    name: service.name,
    namespace: service.namespace,
    ...(protocol && { protocol }),
    endpoints: own,
    ...(backends.length > 0 && { backends: [...backends] }),
    ...(traffic && { traffic }),
  };
  return { version: versionOf(content, policies), ...content };
}

/** A pod dialled by its own address: it alone, whether ready or not, because the app has chosen it. */
function ofWorkload(
  mesh: Mesh,
  key: string,
  { host: address, port }: DestinationKey,
  workload: Workload,
): Destination {
  const protocol = inboundProtocols(mesh, workload).get(port)?.protocol;
  const content = {
    key,
    name: workload.app,
    namespace: workload.namespace,
    ...(protocol && { protocol }),
    endpoints: [endpoint(mesh, address, port, workload)],
  };
  return { version: versionOf(content, new Map()), ...content };
}

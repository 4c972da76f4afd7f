import { isIPv6 } from 'node:net';
import type { Destination, Endpoint } from '../../api/destination.ts';
import { spiffeId } from '../../api/spiffe.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { EndpointSlice, Service, ServicePort, Workload } from '../mesh/model.ts';
import { compareText } from './canonical-json.ts';
import { type DestinationKey, parseDestinationKey } from './destination-key.ts';
import { inboundProtocols, serviceProtocol, trafficPolicies } from './protocol.ts';
import { versionOf } from './version.ts';

/**
 * Pure. Null: nothing in the mesh has this address, so the sidecar passes it through.
 * The consumer is not looked at yet: its own `traffic.to` will be, once that is enforced.
 */
export function compileDestination(mesh: Mesh, key: string, _consumer: Workload): Destination | null {
  const parsed = parseDestinationKey(key);
  if (parsed === undefined) return null;
  const { host, port, isAddress } = parsed;
  const service = isAddress ? mesh.serviceByAddress(host) : mesh.service(host);
  if (service !== undefined) return ofService(mesh, key, parsed, service);
  return isAddress ? ofWorkload(mesh, key, host, port) : null;
}

function ofService(mesh: Mesh, key: string, asked: DestinationKey, service: Service): Destination | null {
  const port = service.ports.find((each) => each.port === asked.port);
  if (port === undefined) return null;
  const protocol = serviceProtocol(mesh, service, port);
  const content = {
    key,
    name: service.name,
    namespace: service.namespace,
    ...(protocol && { protocol }),
    endpoints: endpointsOf(mesh, service, port, asked),
  };
  const policies = trafficPolicies(mesh, service).map(({ uid, generation }) => [uid, generation] as const);
  return { version: versionOf(content, new Map(policies)), ...content };
}

/** A pod dialled by its own address: it alone, whether ready or not, because the app has chosen it. */
function ofWorkload(mesh: Mesh, key: string, address: string, port: number): Destination | null {
  const workload = workloadAt(mesh, address, port);
  if (workload === undefined) return null;
  const protocol = inboundProtocols(mesh, workload).get(port);
  const content = {
    key,
    name: workload.app,
    namespace: workload.namespace,
    ...(protocol && { protocol }),
    endpoints: [endpoint(mesh, address, port, workload)],
  };
  return { version: versionOf(content, new Map()), ...content };
}

/** Several share an address on one machine without Kubernetes: then the port says which is meant. */
function workloadAt(mesh: Mesh, address: string, port: number): Workload | undefined {
  const workloads = mesh.workloadsByAddress(address);
  if (workloads.length <= 1) return workloads[0];
  return workloads.find((workload) => workload.ports.some((each) => each.port === port));
}

function endpointsOf(mesh: Mesh, service: Service, port: ServicePort, asked: DestinationKey): Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  for (const slice of mesh.slicesOf(service.key)) {
    for (const each of endpointsOfSlice(mesh, slice, port)) {
      if (!asked.isAddress || isIPv6(each.address) === isIPv6(asked.host)) {
        byAddress.set(`${each.address} ${each.port}`, each);
      }
    }
  }
  return [...byAddress.values()].sort((a, b) => compareText(a.address, b.address) || a.port - b.port);
}

function endpointsOfSlice(mesh: Mesh, slice: EndpointSlice, port: ServicePort): Endpoint[] {
  const ports = slice.ports.filter((each) => each.name === port.name);
  const ready = slice.endpoints.filter((each) => each.ready);
  return ready.flatMap(({ addresses, workload }) =>
    // "Consumers should only use the first": EndpointSlice v1, Endpoint.addresses
    addresses.slice(0, 1).flatMap((address) =>
      ports.flatMap((each) => {
        const behind = workloadBehind(mesh, address, each.port, workload);
        return behind === 'unknown' ? [] : [endpoint(mesh, address, each.port, behind)];
      }),
    ),
  );
}

/**
 * Whose address is it? The address decides, because a slice may be written by hand and name somebody else; the
 * reference counts while the address of that pod is not known yet. A pod that has not been seen at all is left
 * out for the moment: it may be meshed, and plaintext to it would be a downgrade.
 */
function workloadBehind(
  mesh: Mesh,
  address: string,
  port: number,
  reference: string | undefined,
): Workload | undefined | 'unknown' {
  const referenced = reference === undefined ? undefined : mesh.workload(reference);
  if (referenced?.addresses.includes(address) && !referenced.finished) return referenced;
  const owner = workloadAt(mesh, address, port);
  if (owner !== undefined) return owner;
  if (reference === undefined) return undefined;
  if (referenced === undefined) return 'unknown';
  return referenced.addresses.length === 0 && !referenced.finished ? referenced : 'unknown';
}

function endpoint(mesh: Mesh, address: string, port: number, workload: Workload | undefined): Endpoint {
  if (workload === undefined) return { address, port };
  const { app, namespace, serviceAccount } = workload;
  const { trustDomain } = mesh.settings;
  // Past its sidecar the app itself would get the handshake.
  const isServed = mesh.isMeshed(workload) && !workload.skippedInboundPorts?.includes(port);
  const identity = isServed && {
    spiffeId: spiffeId({ trustDomain, namespace, serviceAccount }),
  };
  return { address, port, workload: app, namespace, ...identity };
}

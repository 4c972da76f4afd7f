import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../api/destination.ts';
import { PORTS } from '../../api/names.ts';
import { spiffeId } from '../../api/spiffe.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { EndpointSlice, Service, ServicePort, Workload } from '../mesh/model.ts';
import { selects } from '../mesh/selector.ts';
import { compareText } from './canonical-json.ts';
import { zoneLabelOf, zoneName } from './zone.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * The endpoints behind a port of a Service, sorted: those that are ready. If none is, the last resort: those that are
 * told to end but still serve, as kube-proxy does it, and those whose nodes have not been heard of, which may be the
 * fault of a control plane that was away for a while. Pods and slices come by two watches: a pod that is ready, in a
 * slice that says it is not, is on its way to the one or back.
 * Source: https://kubernetes.io/docs/concepts/services-networking/service/ (spec.internalTrafficPolicy),
 * https://kubernetes.io/docs/tutorials/services/pods-and-endpoint-termination-flow/
 * @param labels of the workloads; absent: all endpoints
 */
export function endpointsOf(mesh: Mesh, service: Service, port: ServicePort, labels?: Labels): Endpoint[] {
  const ready = endpointsThat(isReady, mesh, service, port, labels);
  return ready.length > 0 ? ready : endpointsThat(mayServe, mesh, service, port, labels);
}

type Sliced = EndpointSlice['endpoints'][number];
type Condition = (endpoint: Sliced, workload: Workload | undefined, slice: EndpointSlice) => boolean;
const isReady: Condition = ({ ready }) => ready;
const mayServe: Condition = ({ draining }, workload, { followsPods }) =>
  draining === true || workload?.unheard === true || (followsPods === true && workload?.ready === true);

function endpointsThat(
  hold: Condition,
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  labels: Labels | undefined,
): Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  for (const slice of mesh.slicesOf(service.key)) {
    for (const each of endpointsOfSlice(hold, mesh, slice, port, labels)) {
      byAddress.set(`${each.address} ${each.port}`, each);
    }
  }
  return [...byAddress.values()].sort((a, b) => compareText(a.address, b.address) || a.port - b.port);
}

/** A Service with two address families lists every pod twice; @param address as dialled by the app */
export function ofFamily(endpoints: readonly Endpoint[], address: string): Endpoint[] {
  return endpoints.filter((each) => isIPv6(each.address) === isIPv6(address));
}

function endpointsOfSlice(
  hold: Condition,
  mesh: Mesh,
  slice: EndpointSlice,
  port: ServicePort,
  labels: Labels | undefined,
): Endpoint[] {
  const ports = slice.ports.filter((each) => each.name === port.name);
  return slice.endpoints.flatMap((sliced) =>
    // "Consumers should only use the first": EndpointSlice v1, Endpoint.addresses
    sliced.addresses.slice(0, 1).flatMap((address) =>
      ports.flatMap((each) => {
        const behind = workloadBehind(mesh, address, each.port, sliced.workload);
        if (behind === 'unknown' || !hold(sliced, behind, slice)) return [];
        if (labels !== undefined && !selects(labels, behind?.labels ?? {})) return [];
        return [endpoint(mesh, address, each.port, behind, sliced.zone)];
      }),
    ),
  );
}

/** Several share an address on one machine without Kubernetes: then the port says which is meant. */
export function workloadAt(mesh: Mesh, address: string, port: number): Workload | undefined {
  const workloads = mesh.workloadsByAddress(address);
  if (workloads.length <= 1) return workloads[0];
  return workloads.find((workload) => workload.ports.some((each) => each.port === port));
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

/** @param zone of its node, as its slice says */
export function endpoint(
  mesh: Mesh,
  address: string,
  port: number,
  workload: Workload | undefined,
  zone?: string,
): Endpoint {
  const known = zoneName(zone) ?? (workload && zoneLabelOf(workload));
  const inZone = known !== undefined && { zone: known };
  if (workload === undefined) return { address, port, ...inZone };
  const { app, namespace, serviceAccount } = workload;
  const { trustDomain } = mesh.settings;
  // Past its sidecar the app itself would get the handshake.
  const isServed =
    mesh.isMeshed(workload) && !isOfSidecar(workload, port) && !workload.skippedInboundPorts?.includes(port);
  const identity = isServed && {
    spiffeId: spiffeId({ trustDomain, namespace, serviceAccount }),
  };
  return { address, port, workload: app, namespace, ...identity, ...inZone };
}

/** Probes and metrics of a pod's sidecar, for whoever wants them: it speaks plain HTTP there, as to those without one. */
function isOfSidecar({ listeners }: Workload, port: number): boolean {
  return listeners === undefined && port === PORTS.admin;
}

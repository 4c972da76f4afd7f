import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';

export function servicePortsNamed(service: Service, port: string | number): ServicePort[] {
  return service.ports.filter((each) => (typeof port === 'number' ? each.port : each.name) === port);
}

/**
 * The container ports of a workload behind a port of a Service: targetPort where it is known, else what the
 * Service's EndpointSlices say, else the same number, which is targetPort's default.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/#ServiceSpec
 */
export function containerPorts(
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  workload: Workload,
): number[] {
  const { targetPort } = port;
  if (typeof targetPort === 'number') return [targetPort];
  if (targetPort !== undefined) {
    return workload.ports.filter((each) => each.name === targetPort).map((each) => each.port);
  }
  const slices = mesh.slicesOf(service.key);
  const listing = slices.filter((slice) => slice.endpoints.some((each) => each.workload === workload.key));
  const ports = (listing.length > 0 ? listing : slices).flatMap((slice) => slice.ports);
  const behind = ports.filter((each) => each.name === port.name).map((each) => each.port);
  return behind.length > 0 ? [...new Set(behind)].sort((a, b) => a - b) : [port.port];
}

import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort } from '../../mesh/model.ts';
import { servicePortsNamed } from '../service-ports.ts';

/**
 * Whether `target.ports` mean this port of the Service: a port of the Service by name or number, otherwise a port
 * of the containers behind it.
 */
export function isAboutPort(
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  wanted: readonly (string | number)[],
): boolean {
  return wanted.some((each) => {
    const own = servicePortsNamed(service, each);
    return own.length > 0 ? own.includes(port) : isContainerPort(mesh, service, port, each);
  });
}

function isContainerPort(mesh: Mesh, service: Service, port: ServicePort, wanted: string | number): boolean {
  if (port.targetPort === wanted) return true;
  const numbers = containerNumbers(mesh, service, port);
  if (typeof wanted === 'number') return numbers.includes(wanted);
  return mesh.slicesOf(service.key).some(({ endpoints }) =>
    endpoints.some(({ workload }) => {
      const behind = workload === undefined ? undefined : mesh.workload(workload);
      return behind?.ports.some((each) => each.name === wanted && numbers.includes(each.port)) ?? false;
    }),
  );
}

function containerNumbers(mesh: Mesh, service: Service, port: ServicePort): number[] {
  if (typeof port.targetPort === 'number') return [port.targetPort];
  const listed = mesh.slicesOf(service.key).flatMap(({ ports }) => ports);
  const behind = listed.filter(({ name }) => name === port.name).map((each) => each.port);
  return behind.length > 0 || port.targetPort !== undefined ? behind : [port.port];
}

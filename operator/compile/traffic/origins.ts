import type { Mesh } from '../../mesh/mesh.ts';
import type { Workload } from '../../mesh/model.ts';
import type { CompiledOrigin } from '../compiled-origin.ts';
import { findDestination } from '../destination.ts';
import { compileTraffic } from './compile-traffic.ts';
import type { Leaves } from './leaves.ts';

/**
 * Who said each value that holds for one consumer of one destination, and what lost; values of backends under
 * `backends[<name>]`. Defaults are the sidecar's, and not listed, but for what the Service itself declares.
 * Computed when somebody asks, never kept. Null: nothing in the mesh has this address, as in compileDestination.
 */
export function originsOfDestination(mesh: Mesh, key: string, consumer: Workload): CompiledOrigin[] | null {
  const found = findDestination(mesh, key);
  if (found === undefined) return null;
  if (found.kind === 'Workload') return [];
  const { service, port, asked } = found;
  const { leaves, backendSayings } = compileTraffic(mesh, service, port, asked, consumer);
  return [
    ...declaredProtocol(leaves, port.protocol),
    ...originsOf('traffic', leaves),
    ...backendSayings.flatMap((backend) => originsOf(`backends[${backend.name}].traffic`, backend.leaves)),
  ];
}

function declaredProtocol(leaves: Leaves, value: string | undefined): CompiledOrigin[] {
  if (leaves.protocol !== undefined || value === undefined) return [];
  return [{ path: 'traffic.protocol', origin: undefined, value, lost: [] }];
}

function originsOf(path: string, leaves: Leaves): CompiledOrigin[] {
  return Object.entries(leaves).map(([name, { origin, value, lost }]) => ({
    ...{ path: `${path}.${name}`, origin, value, lost },
  }));
}

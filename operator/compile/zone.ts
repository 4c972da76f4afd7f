import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';

/** Source: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
const LABEL_ZONE = 'topology.kubernetes.io/zone';
const NAME_MAX_LENGTH = 63;

/**
 * The zone a workload runs in: its own label, which newer clusters copy from the node and Workload documents set by
 * hand, else what a slice that lists it says of it; undefined: unknown.
 */
export function zoneOf(mesh: Mesh, workload: Workload): string | undefined {
  return zoneLabelOf(workload) ?? zoneOfSlices(mesh, workload);
}

export function zoneLabelOf({ labels }: Workload): string | undefined {
  return zoneName(Object.hasOwn(labels, LABEL_ZONE) ? labels[LABEL_ZONE] : undefined);
}

/** What is no name of a zone is none: slices may be written by hand. */
export function zoneName(zone: string | undefined): string | undefined {
  return zone !== undefined && zone.length > 0 && zone.length <= NAME_MAX_LENGTH ? zone : undefined;
}

function zoneOfSlices(mesh: Mesh, workload: Workload): string | undefined {
  for (const service of mesh.servicesOver(workload)) {
    for (const { endpoints } of mesh.slicesOf(service.key)) {
      const listing = endpoints.find((each) => each.workload === workload.key && zoneName(each.zone));
      if (listing !== undefined) return listing.zone;
    }
  }
  return undefined;
}

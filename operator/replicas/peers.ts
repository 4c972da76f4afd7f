import { OPERATOR_SERVICE_ACCOUNT } from '../../api/names.ts';
import type { Mesh } from '../mesh/mesh.ts';

/** Names of the ready replicas besides this one, sorted: pods of the operator's service account. */
export function readyPeers(mesh: Mesh, identity: string): string[] {
  return mesh
    .workloadsOf(mesh.settings.controlPlaneNamespace)
    .filter(({ serviceAccount, ready }) => serviceAccount === OPERATOR_SERVICE_ACCOUNT && ready)
    .map(({ name }) => name)
    .filter((name) => name !== identity);
}

/** Where a replica is, by the name of its pod; undefined: not known (yet). */
export function addressOfReplica(mesh: Mesh, name: string): string | undefined {
  const workload = mesh.workload(`${mesh.settings.controlPlaneNamespace}/${name}`);
  return workload === undefined || workload.finished ? undefined : workload.addresses[0];
}

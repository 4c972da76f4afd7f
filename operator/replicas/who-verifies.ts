import type { Observed } from '../identity/rotation.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Replicas } from './replicas.ts';

/**
 * Everybody who verifies certificates, with the roots they say they trust: the other replicas, and sidecars but for
 * those that are told to end.
 */
export function whoVerifies(
  mesh: Mesh,
  replicas: Pick<Replicas, 'get' | 'peerRoots' | 'isReplaying'>,
): Omit<Observed, 'nowMs'> {
  const holders = new Map<string, readonly string[] | undefined>();
  for (const [name, roots] of replicas.peerRoots()) holders.set(`replica ${name}`, roots);
  for (const workload of mesh.workloads()) {
    if (workload.terminating || !mesh.isMeshed(workload)) continue;
    holders.set(workload.key, replicas.get(workload.key)?.roots);
  }
  return { holders, isComplete: !replicas.isReplaying() };
}

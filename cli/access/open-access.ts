import type { Access, Selection } from './access.ts';
import { type AccessFlags, namesCluster } from './flags.ts';
import { RunAccess } from './run-access.ts';
import { findRunningMesh, type RunningMesh, runningMeshOf } from './running-mesh.ts';

/**
 * The mesh that is meant: the `weft run` of the folder that is named, or the cluster that is named; else the
 * `weft run` that runs here, else the cluster of the kubeconfig. Says on stderr which it is where nobody said.
 */
export async function openAccess(flags: AccessFlags): Promise<Access> {
  if (flags.folder !== undefined) return RunAccess.open(await runningMeshOf(flags.folder));
  const running = await foundRunning(flags);
  if (running !== undefined) return RunAccess.open(running);
  // the Kubernetes client is large
  const { KubernetesAccess } = await import('./kubernetes-access.ts');
  return KubernetesAccess.open(flags);
}

/** The `weft run` that is meant when no flag says which mesh it is. */
export async function foundRunning(flags: AccessFlags): Promise<RunningMesh | undefined> {
  const running = namesCluster(flags) ? undefined : await findRunningMesh();
  if (running !== undefined) {
    console.error(`weft: asking the mesh of weft run ${running.folder} (--context NAME asks a cluster)`);
  }
  return running;
}

/** All namespaces, or the one that is meant. */
export function selectionOf(access: Access, flags: AccessFlags, pods?: readonly string[]): Selection {
  const namespace = flags.allNamespaces ? undefined : (flags.namespace ?? access.namespace);
  return { namespace, ...(pods && { pods }) };
}

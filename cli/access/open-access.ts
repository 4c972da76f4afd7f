import { printable } from '../analysis/printable.ts';
import type { Access, Selection } from './access.ts';
import { type AccessFlags, namesCluster } from './flags.ts';
import { RunAccess } from './run-access.ts';
import { findRunningMesh, type RunningMesh, runningMeshOf } from './running-mesh.ts';

/**
 * The mesh that is meant: the `weft run` of the folder that is named, or the cluster that is named, be it by
 * KUBECONFIG; else the `weft run` that runs here, else the cluster of ~/.kube/config. Says on stderr which it is
 * where no flag said.
 */
export async function openAccess(flags: AccessFlags): Promise<Access> {
  if (flags.folder !== undefined) return openRun(await runningMeshOf(flags.folder));
  const running = await foundRunning(flags);
  if (running !== undefined) return openRun(running);
  // the Kubernetes client is large
  const { KubernetesAccess } = await import('./kubernetes-access.ts');
  return KubernetesAccess.open(flags);
}

/** A mesh is worth asking however wrong its documents are now; standard error says what they are not. */
async function openRun(mesh: RunningMesh): Promise<RunAccess> {
  const access = await RunAccess.open(mesh);
  for (const note of access.notes) console.error(printable(`weft: ${note}`));
  return access;
}

/**
 * The `weft run` that is meant when no flag says which mesh it is; undefined: none, or KUBECONFIG names a cluster.
 * Says on stderr which mesh is asked where both are there.
 */
export async function foundRunning(flags: AccessFlags): Promise<RunningMesh | undefined> {
  const running = namesCluster(flags) ? undefined : await findRunningMesh();
  if (running === undefined) return undefined;
  if (process.env.KUBECONFIG) {
    const instead = `--folder ${running.folder} asks the mesh of weft run`;
    console.error(printable(`weft: asking the cluster of KUBECONFIG (${instead})`));
    return undefined;
  }
  const instead = '--context NAME asks a cluster';
  console.error(printable(`weft: asking the mesh of weft run ${running.folder} (${instead})`));
  return running;
}

/** All namespaces, or the one that is meant. */
export function selectionOf(access: Access, flags: AccessFlags, pods?: readonly string[]): Selection {
  const namespace = flags.allNamespaces ? undefined : (flags.namespace ?? access.namespace);
  return { namespace, ...(pods && { pods }) };
}

import { UsageError } from '../usage-error.ts';
import type { Access, Selection } from './access.ts';
import type { AccessFlags } from './flags.ts';
import { RunAccess } from './run-access.ts';
import { findRunningMesh } from './running-mesh.ts';

/**
 * The mesh that is meant: a cluster if one is named, else the `weft run` whose state is named or that runs here,
 * else the cluster of the kubeconfig. Says on stderr which it is, where there was a choice.
 */
export async function openAccess(flags: AccessFlags): Promise<Access> {
  const namesCluster = flags.context !== undefined || flags.kubeconfig !== undefined;
  if (namesCluster && flags.state !== undefined) {
    throw new UsageError('--state is of a weft run, --context and --kubeconfig are of a cluster: give one');
  }
  const running = namesCluster ? undefined : await findRunningMesh(flags.state);
  if (running !== undefined) {
    if (flags.state === undefined) {
      console.error(`weft: asking the mesh of weft run ${running.folder} (--context NAME asks a cluster)`);
    }
    return RunAccess.open(running);
  }
  // the Kubernetes client is large
  const { KubernetesAccess } = await import('./kubernetes-access.ts');
  return KubernetesAccess.open(flags);
}

/** All namespaces, or the one that is meant. */
export function selectionOf(access: Access, flags: AccessFlags, pods?: readonly string[]): Selection {
  if (flags.allNamespaces && flags.namespace !== undefined) {
    throw new UsageError('-A is all namespaces, -n is one: give one of them');
  }
  const namespace = flags.allNamespaces ? undefined : (flags.namespace ?? access.namespace);
  return { namespace, ...(pods && { pods }) };
}

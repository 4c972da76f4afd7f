import { type Command, Option } from 'commander';

/** Which mesh is asked, and which namespace of it: the same of every command that asks one. */
export interface AccessFlags {
  readonly namespace?: string;
  /** of the commands that can look into all */
  readonly allNamespaces?: boolean;
  readonly context?: string;
  readonly kubeconfig?: string;
  /** of the documents of a mesh without Kubernetes, or the state folder of its `weft run` */
  readonly folder?: string;
}

export function withAccessFlags(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'of names without one (default: the context’s, or the documents’)')
    .addOption(
      new Option(
        '--folder <folder>',
        'a mesh without Kubernetes: the folder that weft run was given',
      ).conflicts(['context', 'kubeconfig']),
    )
    .option('--context <name>', 'a cluster: the context of the kubeconfig (default: the current one)')
    .option('--kubeconfig <file>', 'a cluster: default KUBECONFIG, otherwise ~/.kube/config');
}

export function allNamespacesOption(): Option {
  return new Option('-A, --all-namespaces', 'all namespaces').conflicts('namespace');
}

/** For the help of a command: which mesh it is when no flag says so. */
export const WHICH_MESH =
  'Asks the cluster that KUBECONFIG names; without it the mesh of the weft run that was started last and still runs\n' +
  'here, otherwise the cluster of ~/.kube/config.';

export function namesCluster({ context, kubeconfig }: AccessFlags): boolean {
  return context !== undefined || kubeconfig !== undefined;
}

import type { Command } from 'commander';

/** Flags of every command that asks a mesh. */
export interface AccessFlags {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly context?: string;
  readonly kubeconfig?: string;
  /** state folder of a `weft run` */
  readonly state?: string;
}

export function withAccessFlags(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'the namespace that is meant')
    .option('-A, --all-namespaces', 'all namespaces')
    .option('--context <name>', 'of the kubeconfig')
    .option('--kubeconfig <file>', 'where the cluster is (default: as kubectl finds it)')
    .option(
      '--state <folder>',
      'the state folder of a weft run (default: the newest that runs, before a cluster)',
    );
}

import { type Command, Option } from 'commander';
import type { MeshSource } from '../../api/analysis.ts';
import { DEFAULT_CONTROL_PLANE_NAMESPACE, DEFAULT_TRUST_DOMAIN } from '../../api/names.ts';
import { UsageError } from '../usage-error.ts';

/** Which mesh is asked about. */
export interface MeshFlags {
  readonly namespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly folder?: string;
  readonly controlPlaneNamespace: string;
  readonly trustDomain: string;
}

export function addMeshFlags(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'of names without one (default: the context’s)')
    .option('--context <name>', 'of the kubeconfig (default: the current one)')
    .option('--kubeconfig <file>', 'default: KUBECONFIG, otherwise ~/.kube/config')
    .option(
      '--folder <folder>',
      'without Kubernetes: MeshPolicy and Workload documents, as weft run has them',
    )
    .option('--control-plane-namespace <name>', 'where Weft is installed', DEFAULT_CONTROL_PLANE_NAMESPACE)
    .option('--trust-domain <name>', 'first part of every identity', DEFAULT_TRUST_DOMAIN);
}

export function meshSource(flags: MeshFlags): MeshSource {
  const { folder, context, kubeconfig, controlPlaneNamespace, trustDomain } = flags;
  const settings = { controlPlaneNamespace, trustDomain };
  if (folder === undefined) {
    return {
      ...{ type: 'Kubernetes', ...settings },
      ...(context !== undefined && { context }),
      ...(kubeconfig !== undefined && { kubeconfig }),
    };
  }
  if (context !== undefined || kubeconfig !== undefined) {
    throw new UsageError('--folder is for a mesh without Kubernetes', 'leave out --context and --kubeconfig');
  }
  return { type: 'Folder', folder, ...settings };
}

export type Format = 'text' | 'json' | 'yaml';

export function formatOption(): Option {
  return new Option('-o, --output <format>', 'how it is printed')
    .choices(['text', 'json', 'yaml'])
    .default('text');
}

/** The namespace given, as the question has it. */
export function namespaceOf({ namespace }: MeshFlags): { readonly namespace?: string } {
  return namespace === undefined ? {} : { namespace };
}

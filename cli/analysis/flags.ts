import { type Command, Option } from 'commander';
import type { MeshSource } from '../../api/analysis.ts';
import { DEFAULT_CONTROL_PLANE_NAMESPACE, DEFAULT_TRUST_DOMAIN } from '../../api/names.ts';
import { type AccessFlags, withAccessFlags } from '../access/flags.ts';
import { foundRunning } from '../access/open-access.ts';
import { foldersOf } from '../access/running-mesh.ts';

/** Which mesh is asked about, and what its configuration is computed with. */
export interface MeshFlags extends AccessFlags {
  readonly controlPlaneNamespace: string;
  readonly trustDomain: string;
}

export function addMeshFlags(command: Command): Command {
  return withAccessFlags(command)
    .option('--control-plane-namespace <name>', 'where Weft is installed', DEFAULT_CONTROL_PLANE_NAMESPACE)
    .option('--trust-domain <name>', 'first part of every identity', DEFAULT_TRUST_DOMAIN);
}

/** Where the mesh is read from. A folder is read whether it runs or not. Says on stderr which it is where nobody said. */
export async function meshSource(flags: MeshFlags): Promise<MeshSource> {
  const { context, kubeconfig, controlPlaneNamespace, trustDomain } = flags;
  const settings = { controlPlaneNamespace, trustDomain };
  const found = flags.folder === undefined ? await foundRunning(flags) : await foldersOf(flags.folder);
  if (found !== undefined) {
    const { folder, state } = found;
    return { type: 'Folder', folder, ...(state !== undefined && { state }), ...settings };
  }
  return {
    ...{ type: 'Kubernetes', ...settings },
    ...(context !== undefined && { context }),
    ...(kubeconfig !== undefined && { kubeconfig }),
  };
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

import type { DocumentProblem, MeshSource } from '../../api/analysis.ts';
import type { Change, MeshSettings } from '../mesh/model.ts';
import type { Position } from '../sources/position.ts';

/** A mesh as it is now, read once. */
export interface ReadMesh {
  readonly settings: MeshSettings;
  readonly changes: readonly Change[];
  /** where names without one are looked for */
  readonly namespace: string;
  /** what keeps a pod in these namespaces from having a sidecar is worth a word; undefined: they may not be listed */
  readonly injectedNamespaces: ReadonlySet<string> | undefined;
  /** keys of pods that can have none, such as those on the host's network */
  readonly uninjectable: ReadonlySet<string>;
  /** key of a pod → key of the NetworkPolicy that keeps it from the operator; without those that may not be read */
  readonly cutOff?: ReadonlyMap<string, string>;
  /** namespaces whose label of injection has a value that counts for nothing → it; without those that may not be read */
  readonly mislabelledNamespaces?: ReadonlyMap<string, string>;
  /** namespaces that are opted in, where Pod Security refuses sidecars → its level; without those that may not be read */
  readonly refusingNamespaces?: ReadonlyMap<string, string>;
  /** key of a pod without sidecar → why the injector would refuse it if it were made anew */
  readonly refusedPods?: ReadonlyMap<string, string>;
  /** of documents in files */
  readonly problems: readonly DocumentProblem[];
  /** key of a policy → where it is written */
  readonly positions: ReadonlyMap<string, Position>;
}

/** Throws AnalysisError. Each source is loaded only where it is used: the Kubernetes client is large. */
export async function readMesh(source: MeshSource): Promise<ReadMesh> {
  if (source.type === 'Folder') return (await import('./read-folder.ts')).readFolder(source);
  return (await import('./read-kubernetes.ts')).readKubernetes(source);
}

export function settingsOf({ trustDomain, controlPlaneNamespace }: MeshSource): MeshSettings {
  return { trustDomain, controlPlaneNamespace, streamAddress: '' };
}

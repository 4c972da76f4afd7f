import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { clusterBinaries } from './binaries.ts';

/** What the node's first process has to know. */
export interface NodeConfig {
  directory: string;
  cgroup: string;
  etcd: string;
  pauseArchive: string;
  /** Where the outside reaches the API server. */
  publicServer: string;
  binaries: Record<Exclude<(typeof clusterBinaries)[number], 'pause'>, string>;
}

/** A running cluster, as told by its keeper; identities as in lock.ts. */
export interface ClusterState {
  keeper: string;
  nodePid: number;
}

/** The files in a cluster's directory that more than one process uses. */
export const clusterFiles = (directory: string) => ({
  config: join(directory, 'config.json'),
  state: join(directory, 'state.json'),
  kubeconfig: join(directory, 'kubeconfig'),
  control: join(directory, 'control.sock'),
  keeperLog: join(directory, 'keeper.log'),
  nodeLog: join(directory, 'node.log'),
  /** tells which archive of an image the node was given last */
  image: (name: string) => join(directory, `image-${name}`),
});

export function readState(directory: string): ClusterState | undefined {
  const { state } = clusterFiles(directory);
  return existsSync(state) ? (JSON.parse(readFileSync(state, 'utf8')) as ClusterState) : undefined;
}

import { join } from 'node:path';
import { DEFAULT_WORKLOAD_ADDRESS, type WorkloadDocument } from '../../api/workload.ts';

/** Where the parts of one workload are. */

interface Named {
  readonly namespace: string;
  readonly name: string;
}

export function proxyId({ namespace, name }: Named): string {
  return `${namespace}-${name}`;
}

/** Where its sidecar listens; its app is at APP_ADDRESS. */
export function addressOf(workload: WorkloadDocument): string {
  return workload.spec.address ?? DEFAULT_WORKLOAD_ADDRESS;
}

/** As people write it. */
export function keyOf({ metadata }: WorkloadDocument): string {
  return `${metadata.namespace}/${metadata.name}`;
}

export function sidecarStateIn(state: string, workload: Named): string {
  return join(state, 'sidecars', proxyId(workload));
}

export function adminSocketIn(state: string, workload: Named): string {
  return join(sidecarStateIn(state, workload), 'admin.sock');
}

import { join } from 'node:path';
import type { WorkloadDocument } from '../../api/workload.ts';

/** Where the parts of one workload are. */

interface Named {
  readonly namespace: string;
  readonly name: string;
}

export function proxyId({ namespace, name }: Named): string {
  return `${namespace}-${name}`;
}

export function addressOf(workload: WorkloadDocument): string {
  return workload.spec.address ?? '127.0.0.1';
}

export function sidecarStateIn(state: string, workload: Named): string {
  return join(state, 'sidecars', proxyId(workload));
}

export function adminSocketIn(state: string, workload: Named): string {
  return join(sidecarStateIn(state, workload), 'admin.sock');
}

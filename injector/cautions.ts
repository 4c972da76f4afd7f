import type { Pod } from './pod.ts';

/** Warnings about a pod that gets its sidecar, and in which something is not as its author may think. */
export function cautions({ spec }: Pod): string[] {
  const warnings: string[] = [];
  if (spec.shareProcessNamespace === true || spec.hostPID === true) {
    warnings.push(
      `${spec.hostPID === true ? 'hostPID' : 'shareProcessNamespace'} shows the sidecar to the other containers: one that runs as root can end it, one with SYS_PTRACE can read its key`,
    );
  }
  if (spec.dnsPolicy === 'Default' || spec.dnsPolicy === 'None') {
    warnings.push(
      `dnsPolicy ${spec.dnsPolicy}: the sidecar finds the control plane by its Service's name; write ClusterFirst, or in dnsConfig a name server and a search domain of the cluster`,
    );
  }
  return warnings;
}

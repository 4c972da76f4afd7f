import type { WorkloadDocument } from '../../api/workload.ts';
import type { Problem } from './documents.ts';
import { positionOf } from './position.ts';
import { keyOf, qualifiedService } from './workload-document.ts';

const SHOWN_MAX = 5;

/** Pure: the calls that lead nowhere, because no Workload of the folder offers that service at that port. */
export function outboundProblems(workloads: readonly WorkloadDocument[]): Problem[] {
  const offered = offeredPorts(workloads);
  return workloads.flatMap((workload) => {
    const { file, line, outboundLines } = positionOf(workload);
    return (workload.spec.outbound ?? []).flatMap(({ service, servicePort }, index) => {
      const key = qualifiedService(service, workload.metadata.namespace);
      if (offered.get(key)?.has(servicePort)) return [];
      const message = `${keyOf(workload)} calls ${service}:${servicePort}, and no workload offers that; ${instead(key, offered)}`;
      return [{ file, line: outboundLines[index] ?? line, message }];
    });
  });
}

/** Key of the service → its ports. */
type Offered = ReadonlyMap<string, ReadonlySet<number>>;

function offeredPorts(workloads: readonly WorkloadDocument[]): Offered {
  const offered = new Map<string, Set<number>>();
  for (const { metadata, spec } of workloads) {
    if (spec.service === undefined) continue;
    const key = qualifiedService(spec.service, metadata.namespace);
    const ports = offered.get(key) ?? new Set();
    for (const { port } of spec.ports ?? []) ports.add(port);
    offered.set(key, ports);
  }
  return offered;
}

function instead(key: string, offered: Offered): string {
  const ports = offered.get(key);
  if (ports !== undefined) return `${key} offers ${some([...ports].sort((a, b) => a - b))}`;
  return offered.size === 0
    ? 'no workload names a service'
    : `the services are ${some([...offered.keys()].sort())}`;
}

function some(all: readonly (string | number)[]): string {
  if (all.length === 0) return 'no port';
  return all.slice(0, SHOWN_MAX).join(', ') + (all.length > SHOWN_MAX ? ', …' : '');
}

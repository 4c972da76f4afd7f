import type { ExplainedProxies } from '../../api/analysis.ts';
import { compileProxyConfig } from '../compile/proxy-config.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import { effectiveValues } from './effective-values.ts';
import { grouped } from './grouped.ts';

/** What holds in the workloads' own sidecars; those where the same holds are one entry. */
export function explainProxies(mesh: Mesh, workloads: readonly Workload[]): ExplainedProxies[] {
  const each = workloads.map((workload) => ({ key: workload.key, of: explainProxy(mesh, workload) }));
  return grouped(each).map(({ keys, of }) => ({ workloads: keys, ...of }));
}

function explainProxy(mesh: Mesh, workload: Workload): Omit<ExplainedProxies, 'workloads'> {
  if (!mesh.isMeshed(workload)) return { meshed: false, bypassedPorts: [], values: [] };
  const values = effectiveValues(compileProxyConfig(mesh, workload).origins);
  return { meshed: true, bypassedPorts: workload.skippedInboundPorts ?? [], values };
}

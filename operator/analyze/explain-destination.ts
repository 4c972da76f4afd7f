import type { ExplainedDestination } from '../../api/analysis.ts';
import { compileDestination } from '../compile/destination.ts';
import { effectiveOnTraffic } from '../compile/effective.ts';
import { names } from '../compile/traffic/hits.ts';
import { originsOfDestination } from '../compile/traffic/origins.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../mesh/model.ts';
import { effectiveValues } from './effective-values.ts';
import { grouped } from './grouped.ts';

/** A caller of whom nothing is known: no policy is its own view, and no `from` of a route is about it. */
export const callersInCommon: Workload = {
  ...{ key: '', namespace: '', name: '', uid: '', serviceAccount: '', labels: {}, app: '' },
  ...{ addresses: [], ready: true, finished: false, proxyId: undefined, ports: [] },
};

/** How callers without a view of their own reach a port of a Service. */
export function explainCommon(mesh: Mesh, service: Service, port: ServicePort): ExplainedDestination {
  const key = `${service.key}:${port.port}`;
  const views = effectiveOnTraffic(mesh, service).filter((policy) => names(mesh, policy, service));
  return { key, ...explainView(mesh, key, callersInCommon), ownViews: views.map((policy) => policy.key) };
}

/** How these callers reach a port of a Service; those who see the same are one entry, named after the first. */
export function explainCallers(
  mesh: Mesh,
  callers: readonly Workload[],
  service: Service,
  port: ServicePort,
): ExplainedDestination[] {
  const key = `${service.key}:${port.port}`;
  const each = callers.map((caller) => ({ key: caller.key, of: explainView(mesh, key, caller) }));
  return grouped(each).map(({ keys, of }) => ({ key, caller: keys[0]!, ...of, ownViews: [] }));
}

function explainView(
  mesh: Mesh,
  key: string,
  caller: Workload,
): Omit<ExplainedDestination, 'key' | 'caller' | 'ownViews'> {
  const { protocol, endpoints = [], backends = [] } = compileDestination(mesh, key, caller) ?? {};
  return {
    ...(protocol && { protocol }),
    endpoints: endpoints.length,
    backends: backends.map(({ name, endpoints: behind }) => ({ name, endpoints: behind.length })),
    values: effectiveValues(originsOfDestination(mesh, key, caller) ?? []),
  };
}

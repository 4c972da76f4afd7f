import type { AffectedProxy, FieldChange, Plan, PlannedConflict } from '../../api/analysis.ts';
import { type Conflict, distinct } from '../compile/conflict.ts';
import { compileDestination } from '../compile/destination.ts';
import { type CompiledProxy, compileProxyConfig } from '../compile/proxy-config.ts';
import { hitsOn } from '../compile/target.ts';
import { trafficConflicts } from '../compile/traffic/conflicts.ts';
import type { Mesh } from '../mesh/mesh.ts';
import { compileBounded } from '../publish/compile-bounded.ts';
import { changesOf } from './changes.ts';
import { effectiveValues } from './effective-values.ts';
import { grouped } from './grouped.ts';
import { type Edits, type Overlay, overlay } from './overlay.ts';
import { planDestinations } from './plan-destinations.ts';
import type { ReadMesh } from './read-mesh.ts';

export interface PlanInput extends Edits {
  readonly withConfigurations?: boolean;
  /** of what affected proxies would be told, as JSON */
  readonly affectedMaxBytes?: number;
}

/** An answer is one text, which has 512 MiB at most. */
const AFFECTED_MAX_BYTES = 64 * 1024 * 1024;

/** Pure: what would be different if the documents were applied. Throws AnalysisError. */
export function plan(read: ReadMesh, input: PlanInput, nowMs: number): Plan {
  const edited = overlay(read, input, nowMs);
  const proxies = comparedProxies(edited);
  const changed = proxies.filter(({ changes }) => changes.length > 0);
  const destinations = planDestinations(edited);
  return {
    problems: input.documents.problems,
    policies: edited.policies,
    proxies: grouped(changed.map(({ key, changes }) => ({ key, of: changes }))).map(({ keys, of }) => ({
      ...{ workloads: keys, changes: of },
    })),
    ...withheldFrom(proxies),
    destinations,
    conflicts: comparedConflicts(edited, proxies),
    ...(input.withConfigurations && affectedProxies(edited, changed, destinations, input.affectedMaxBytes)),
  };
}

interface ComparedProxy {
  readonly key: string;
  readonly before: CompiledProxy;
  readonly after: CompiledProxy;
  readonly changes: readonly FieldChange[];
  /** why it would not be told all that is wanted; undefined: it would be */
  readonly withheld: string | undefined;
}

function comparedProxies({ before, after, dirty }: Overlay): ComparedProxy[] {
  return [...dirty.workloads].sort().flatMap((key) => {
    const workload = after.workload(key);
    if (workload === undefined || !after.isMeshed(workload)) return [];
    const was = compileProxyConfig(before, workload);
    const { proxy: is = was, withheld } = compileBounded(after, workload, hitsOn(before, workload));
    const changes = changesOf(effectiveValues(was.origins), effectiveValues(is.origins));
    return [{ key, before: was, after: is, changes, withheld: withheld?.reason }];
  });
}

function withheldFrom(proxies: readonly ComparedProxy[]): Pick<Plan, 'withheld'> {
  const withheld = proxies.flatMap(({ key, withheld: of }) => (of === undefined ? [] : [{ key, of }]));
  if (withheld.length === 0) return {};
  return { withheld: grouped(withheld).map(({ keys, of }) => ({ workloads: keys, reason: of })) };
}

/** As many as fit, in the order of their names. */
function affectedProxies(
  { after }: Overlay,
  changed: readonly ComparedProxy[],
  destinations: Plan['destinations'],
  maxBytes: number = AFFECTED_MAX_BYTES,
): Pick<Plan, 'affected' | 'affectedLeftOut'> {
  const configs = new Map(changed.map((proxy) => [proxy.key, proxy.after.config]));
  const called = calledBy(destinations);
  const keys = [...new Set([...configs.keys(), ...called.keys()])].sort();
  const affected: AffectedProxy[] = [];
  let bytes = 0;
  for (const key of keys) {
    const workload = after.workload(key)!;
    const config = configs.get(key);
    const proxy: AffectedProxy = {
      ...{ namespace: workload.namespace, name: workload.name, proxyId: workload.proxyId! },
      ...(config && { config }),
      destinations: (called.get(key) ?? []).flatMap(
        (name) => compileDestination(after, name, workload) ?? [],
      ),
    };
    bytes += JSON.stringify(proxy).length;
    if (bytes > maxBytes) return { affected, affectedLeftOut: keys.length - affected.length };
    affected.push(proxy);
  }
  return { affected };
}

/** What each caller would see otherwise. */
function calledBy(destinations: Plan['destinations']): Map<string, string[]> {
  const called = new Map<string, string[]>();
  for (const { callers, destinations: names } of destinations) {
    for (const caller of callers) {
      const known = called.get(caller);
      if (known === undefined) called.set(caller, [...names]);
      else known.push(...names);
    }
  }
  return called;
}

function comparedConflicts(
  { before, after, dirty }: Overlay,
  proxies: readonly ComparedProxy[],
): Plan['conflicts'] {
  const was = distinct([
    ...proxies.flatMap((proxy) => proxy.before.conflicts),
    ...ofTraffic(before, dirty.policies),
  ]);
  const is = distinct([
    ...proxies.flatMap((proxy) => proxy.after.conflicts),
    ...ofTraffic(after, dirty.policies),
  ]);
  return { appear: without(is, was), end: without(was, is) };
}

function ofTraffic(mesh: Mesh, policies: Iterable<string>): Conflict[] {
  return [...policies].flatMap((key) => {
    const policy = mesh.policy(key);
    return policy === undefined ? [] : trafficConflicts(mesh, policy);
  });
}

function without(conflicts: readonly Conflict[], others: readonly Conflict[]): PlannedConflict[] {
  const textOf = (conflict: Conflict) => Object.values(conflict).join(' ');
  const known = new Set(others.map(textOf));
  return conflicts
    .filter((conflict) => !known.has(textOf(conflict)))
    .map(({ loser, winner, field, mandatory }) => ({ loser, winner, field, mandatory: mandatory === true }));
}

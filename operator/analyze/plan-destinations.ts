import type { FieldChange, PlannedDestinations } from '../../api/analysis.ts';
import { originsOfDestination } from '../compile/traffic/origins.ts';
import { viewsOf } from '../compile/traffic/view.ts';
import type { Workload } from '../mesh/model.ts';
import { changesOf } from './changes.ts';
import { effectiveValues } from './effective-values.ts';
import { grouped } from './grouped.ts';
import type { Overlay } from './overlay.ts';

/** What callers' sidecars would do otherwise, for each Service whose traffic a policy is about. */
export function planDestinations(edited: Overlay): PlannedDestinations[] {
  const { after, dirty } = edited;
  const callers = after.workloads().filter((workload) => after.isMeshed(workload));
  const services = [...dirty.hosts].sort().flatMap((host) => after.service(host) ?? []);
  const keys = services.flatMap((service) => service.ports.map(({ port }) => `${service.key}:${port}`));
  const each = [...new Set(keys)].flatMap((key) => planDestination(edited, key, callers));
  return grouped(each).map(({ keys: destinations, of }) => ({ destinations, ...of }));
}

interface Planned {
  readonly key: string;
  readonly of: Omit<PlannedDestinations, 'destinations'>;
}

/** Callers with one view before and one after are compared once. */
function planDestination({ before, after }: Overlay, key: string, callers: readonly Workload[]): Planned[] {
  const [was, is] = [viewsOf(before, key), viewsOf(after, key)];
  const views = new Map<string, Workload[]>();
  for (const caller of callers) {
    const view = `${was(caller)}|${is(caller)}`;
    const same = views.get(view);
    if (same === undefined) views.set(view, [caller]);
    else same.push(caller);
  }
  const values = (mesh: Overlay['before'], caller: Workload) =>
    effectiveValues(originsOfDestination(mesh, key, caller) ?? []);
  const compared = [...views.values()].flatMap((same) => {
    const changes = changesOf(values(before, same[0]!), values(after, same[0]!));
    return same.map((caller) => ({ key: caller.key, of: changes }));
  });
  return grouped<readonly FieldChange[]>(compared)
    .filter(({ of }) => of.length > 0)
    .map(({ keys, of }) => ({
      key,
      of: { callers: keys, allCallers: keys.length === callers.length, changes: of },
    }));
}

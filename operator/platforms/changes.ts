import type { Change } from '../mesh/model.ts';
import type { Objects } from './files.ts';

interface Keyed {
  readonly key: string;
}

/** What is there now, all of it, and what no longer is. Endpoints come after the workloads they name. */
export function changesBetween(before: Objects, now: Objects): Change[] {
  return [
    ...of('Workload', before.workloads, now.workloads),
    ...of('Service', before.services, now.services),
    ...of('EndpointSlice', before.slices, now.slices),
    ...of('ReferenceGrant', before.grants, now.grants),
    ...of('Policy', before.policies, now.policies),
  ];
}

function of<T extends Keyed>(kind: Change['kind'], before: readonly T[], now: readonly T[]): Change[] {
  const keys = new Set(now.map(({ key }) => key));
  const gone = before.filter(({ key }) => !keys.has(key));
  // The kind and the type of the value go together in the one caller above.
  return [
    ...now.map((value) => ({ kind, key: value.key, value }) as unknown as Change),
    ...gone.map(({ key }) => ({ kind, key, value: undefined }) as Change),
  ];
}

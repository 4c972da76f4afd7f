import { keyOf } from '../access/access.ts';
import type { MeshedPod } from './meshed-pod.ts';

export interface PlannedPod {
  readonly pod: MeshedPod;
  /** another ready pod of the workload answers meanwhile */
  readonly hasPeer: boolean;
}

export interface UpgradePlan {
  /** one list for each workload: its pods, one after the other */
  readonly workloads: readonly (readonly PlannedPod[])[];
  /** have the image already */
  readonly current: readonly MeshedPod[];
  /** left, with the reason */
  readonly left: readonly { readonly pod: MeshedPod; readonly reason: string }[];
}

const NOT_READY = 'the pod is not ready: mend that first';
const ALONE = 'no other pod of its workload is ready, so that callers would fail for seconds: --allow-gap';

/** Which sidecars are replaced, in which order. Pure. */
export function planUpgrade(pods: readonly MeshedPod[], image: string, allowGap: boolean): UpgradePlan {
  const current = pods.filter((pod) => pod.image === image);
  const left: { pod: MeshedPod; reason: string }[] = [];
  const workloads = new Map<string, PlannedPod[]>();
  for (const pod of pods) {
    if (pod.image === image) continue;
    const workload = `${pod.namespace}/${pod.workload}`;
    const hasPeer = pods.some(
      (other) => other !== pod && other.ready && `${other.namespace}/${other.workload}` === workload,
    );
    if (!pod.ready) left.push({ pod, reason: NOT_READY });
    else if (!hasPeer && !allowGap) left.push({ pod, reason: ALONE });
    else {
      const planned = workloads.get(workload) ?? [];
      planned.push({ pod, hasPeer });
      workloads.set(workload, planned);
    }
  }
  const inOrder = [...workloads.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, planned]) => planned);
  for (const planned of inOrder) planned.sort((a, b) => (keyOf(a.pod) < keyOf(b.pod) ? -1 : 1));
  return { workloads: inOrder, current, left };
}

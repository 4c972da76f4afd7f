import type { MeshedPod } from './meshed-pod.ts';
import type { PlannedPod, UpgradePlan } from './plan.ts';
import type { UpgradePorts } from './ports.ts';
import { upgradePod } from './upgrade-pod.ts';
import type { UpgradedPod } from './upgrade-text.ts';

export interface UpgradeOptions {
  readonly image: string;
  readonly timeoutMs: number;
  /** workloads at the same time; of each, one pod after the other */
  readonly parallel: number;
  /** told of each pod that is through */
  readonly onPod: (pod: UpgradedPod) => void;
}

/** Every pod of the plan, until the first that did not take it; those begun by then are finished. */
export async function upgradeAll(
  plan: UpgradePlan,
  { image, timeoutMs, parallel, onPod }: UpgradeOptions,
  ports: UpgradePorts,
): Promise<UpgradedPod[]> {
  const done: UpgradedPod[] = [];
  const waiting = [...plan.workloads];
  let hasFailed = false;
  const one = async (planned: PlannedPod) => {
    const result = hasFailed
      ? ({ outcome: 'NotReached' } as const)
      : await upgradePod(planned, image, timeoutMs, ports);
    if (result.outcome === 'Kept' || result.outcome === 'Failed') hasFailed = true;
    const said = { ...described(planned.pod), ...result };
    done.push(said);
    if (said.outcome !== 'NotReached') onPod(said);
  };
  const worker = async () => {
    for (let pods = waiting.shift(); pods !== undefined; pods = waiting.shift()) {
      for (const planned of pods) await one(planned);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, waiting.length) }, worker));
  return done;
}

export function described({ namespace, name, workload, image }: MeshedPod): Omit<UpgradedPod, 'outcome'> {
  return { namespace, name, workload, from: image };
}

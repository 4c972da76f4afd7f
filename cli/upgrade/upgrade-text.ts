import { counted } from '../analysis/columns.ts';

/** What became of one sidecar; `Planned` in a dry run. */
export interface UpgradedPod {
  readonly namespace: string;
  readonly name: string;
  readonly workload: string;
  /** its image before */
  readonly from: string;
  readonly outcome: 'Planned' | 'Upgraded' | 'Current' | 'Left' | 'Gone' | 'Kept' | 'Failed' | 'NotReached';
  readonly reason?: string;
  /** from its withdrawal until it was ready and connected */
  readonly tookMs?: number;
}

export interface UpgradeView {
  readonly image: string;
  readonly dryRun: boolean;
  readonly pods: readonly UpgradedPod[];
}

const WORDS: Readonly<Record<UpgradedPod['outcome'], string>> = {
  Planned: 'would be upgraded',
  Upgraded: 'upgraded',
  Current: 'up to date',
  Left: 'left',
  Gone: 'gone meanwhile',
  Kept: 'kept as it was',
  Failed: 'failed',
  NotReached: 'not reached',
};

/** One line. */
export function podText({ namespace, name, outcome, reason, tookMs }: UpgradedPod): string {
  const took = tookMs === undefined ? '' : ` in ${(tookMs / 1000).toFixed(1)} s`;
  return `${namespace}/${name}: ${WORDS[outcome]}${took}${reason === undefined ? '' : ` (${reason})`}`;
}

/** Pure. */
export function upgradeText({ image, pods }: UpgradeView): string[] {
  const counts = Object.entries(Object.groupBy(pods, ({ outcome }) => outcome)).map(
    ([outcome, each]) => `${each.length} ${WORDS[outcome as UpgradedPod['outcome']]}`,
  );
  const summary = counts.length === 0 ? 'none runs here' : counts.join(', ');
  return [
    ...pods.filter(({ outcome }) => outcome !== 'Current').map(podText),
    `${image}: ${counted(pods.length, 'sidecar')}, ${summary}`,
  ];
}

import type { PolicyView } from '../access/access.ts';
import { conditionOf } from './standing.ts';

export interface TooLate {
  /** type of the condition that was waited for */
  readonly condition: string;
  /** as the flag says it */
  readonly timeout: string;
  /** without Kubernetes: the folder of the documents */
  readonly folder: string | undefined;
}

/** Pure: what was seen last of a policy of which a condition did not come true in time, and where to look. */
export function tooLateText(policy: PolicyView, { condition, timeout, folder }: TooLate): string[] {
  return [`weft: not in ${timeout}`, ...reason(policy, condition, folder)];
}

function reason(policy: PolicyView, condition: string, folder: string | undefined): string[] {
  const { laggards, namespace } = policy;
  if (laggards.length > 0) {
    return [
      ...laggards.map(({ pod, since, reason: why }) => `  ${pod} since ${since}: ${why}`),
      'look at them: weft status, and the log of their sidecars; a pod that is gone is forgotten by itself',
    ];
  }
  const said = saidOf(policy, condition);
  if (said !== undefined) {
    const where = folder === undefined ? `-n ${namespace}` : `--folder ${folder}`;
    return [`the operator has answered: ${said}`, `what to do about it: weft check ${where}`];
  }
  return [
    folder === undefined
      ? 'is the operator running? kubectl -n weft-system get pods'
      : `is the document valid? weft check --folder ${folder}`,
  ];
}

/** Of the newest generation; undefined: nothing yet. */
function saidOf(policy: PolicyView, type: string): string | undefined {
  const { generation, observedGeneration } = policy;
  const found = conditionOf(policy, type);
  if (found === undefined || generation === undefined || observedGeneration < generation) return undefined;
  if ((found.observedGeneration ?? generation) < generation) return undefined;
  const { status, reason: why, message } = found;
  return `${type} is ${status} (${why})${message === '' ? '' : `: ${message}`}`;
}

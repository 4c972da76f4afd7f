import type { ReplayChange, ReplayChangeKind, ReplayResult } from '../../api/replay.ts';

const KINDS: readonly ReplayChangeKind[] = ['denied', 'allowed', 'limited', 'rerouted', 'unknown'];
const COUNTS = ['kept', 'judged', 'unchanged', 'notJudged', 'notListed'] as const;
const TEXTS = ['caller', 'at', 'method', 'path', 'from', 'to'] as const;

/** `POST /replay` as a sidecar answered. Whoever rules a pod may answer for its sidecar: throws unless it has its shape. */
export function readReplayResult(answer: unknown): ReplayResult {
  if (!isReplayResult(answer)) throw new Error('the sidecar answered with something else than verdicts');
  return answer;
}

function isReplayResult(answer: unknown): answer is ReplayResult {
  const result = (answer ?? {}) as Partial<ReplayResult>;
  return (
    COUNTS.every((field) => isCount(result[field])) &&
    typeof result.keptSinceMs === 'number' &&
    Array.isArray(result.changes) &&
    result.changes.every(isChange) &&
    Array.isArray(result.notes) &&
    result.notes.every((note) => typeof note === 'string')
  );
}

function isChange(value: unknown): boolean {
  const change = (value ?? {}) as Partial<ReplayChange>;
  return (
    KINDS.includes(change.kind!) &&
    (change.direction === 'inbound' || change.direction === 'outbound') &&
    TEXTS.every((field) => typeof change[field] === 'string') &&
    isCount(change.count)
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

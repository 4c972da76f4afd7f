import { type Action, IS_FELT, type Kind } from '../schedule/actions.ts';
import type { Failure } from './ledger.ts';

/** An action that was done. */
export interface Done {
  readonly action: Action;
  readonly beganMs: number;
  readonly endMs: number;
  /** why it was not done after all */
  readonly skipped?: string;
  /** what it did not come to the end for, such as a rollout that takes too long; what must be at the end is seen then */
  readonly unfinished?: string;
}

/** What the customer felt of one action. */
export interface Felt {
  readonly done: Done;
  readonly failures: readonly Failure[];
  /** from its end to the end of the last request that failed and was begun before the next action; 0: none did */
  readonly recoveryMs: number;
}

/** How long after an action requests may still fail. */
export const RECOVERY_MAX_MS = 25_000;

/** Failures by the last action that had begun when the request did. `before`: those of no action. */
export function feltOf(
  all: readonly Done[],
  failures: readonly Failure[],
): { before: Failure[]; felt: Felt[] } {
  const done = all.filter(({ action, skipped }) => action.kind !== 'calm' && skipped === undefined);
  const of = done.map((): Failure[] => []);
  const before: Failure[] = [];
  for (const failure of failures) {
    // a request is under way for a while: what begins before it ends may be what it fails of
    const last = done.findLastIndex(({ beganMs }) => beganMs <= failure.atMs);
    (of[last] ?? before).push(failure);
  }
  return {
    before,
    felt: done.map((each, index) => {
      const last = of[index]!.reduce((most, { atMs }) => Math.max(most, atMs), each.endMs);
      return { done: each, failures: of[index]!, recoveryMs: last - each.endMs };
    }),
  };
}

/**
 * Failures that nothing excuses: of requests begun when all that callers may feel had had its time to pass, or before
 * any of it. What they must not feel, such as a rollout, excuses none.
 */
export function unexcused(all: readonly Done[], failures: readonly Failure[]): Failure[] {
  const { before, felt } = feltOf(
    all.filter(({ action }) => IS_FELT[action.kind]),
    failures,
  );
  const late = felt.flatMap(({ done, failures: its }) =>
    its.filter(({ beganMs }) => beganMs > done.endMs + RECOVERY_MAX_MS),
  );
  return [...before, ...late];
}

export interface KindSummary {
  readonly kind: Kind;
  readonly times: number;
  readonly skipped: number;
  readonly failed: number;
  readonly longestRecoveryMs: number;
  readonly longestMs: number;
}

export function byKind(all: readonly Done[], failures: readonly Failure[]): KindSummary[] {
  const { felt } = feltOf(all, failures);
  const kinds = (Object.keys(IS_FELT) as Kind[]).filter(
    (kind) => kind !== 'calm' && all.some((each) => each.action.kind === kind),
  );
  return kinds.map((kind) => {
    const its = felt.filter(({ done }) => done.action.kind === kind);
    const most = (numbers: readonly number[]) => Math.max(0, ...numbers);
    return {
      kind,
      times: its.length,
      skipped: all.filter(({ action, skipped }) => action.kind === kind && skipped !== undefined).length,
      failed: its.reduce((sum, each) => sum + each.failures.length, 0),
      longestRecoveryMs: most(its.map(({ recoveryMs }) => recoveryMs)),
      longestMs: most(its.map(({ done }) => done.endMs - done.beganMs)),
    };
  });
}

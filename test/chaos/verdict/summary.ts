import { describe } from '../schedule/actions.ts';
import type { Play } from '../schedule/options.ts';
import type { Agreement } from './counters.ts';
import type { Crowding } from './crowding.ts';
import type { Failure, Ledger, Violation } from './ledger.ts';
import { isSteep, type MemoryOfRole } from './memory.ts';
import { byKind, type Done, type KindSummary, RECOVERY_MAX_MS, unexcused } from './windows.ts';

/** What a run has shown. */
export interface Summary extends Play {
  readonly seconds: number;
  readonly customerCalls: number;
  readonly executions: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly denied: { readonly by403: number; readonly otherwise: number };
  readonly plainRefused: number;
  readonly kinds: readonly KindSummary[];
  readonly actions: readonly string[];
  readonly memory: readonly MemoryOfRole[];
  readonly agreement: Agreement;
  /** threads that wanted to run, for each processor of the machine */
  readonly crowding: number;
  /** failures later than faults excuse, and how many of them a crowded machine excuses */
  readonly late: number;
  readonly lateCrowded: number;
  /** calls that felt a lost control plane though others of their kind had been answered from there */
  readonly unguided: number;
  /** of what everybody wrote down, on the disk at the end */
  readonly recordsBytes: number;
  readonly violations: readonly Violation[];
  /** what is wrong, in words; empty: nothing */
  readonly broken: readonly string[];
}

interface Watched extends Play {
  readonly seconds: number;
  readonly ledger: Ledger;
  readonly done: readonly Done[];
  readonly problems: readonly string[];
  readonly memory: readonly MemoryOfRole[];
  readonly crowding: Pick<Crowding, 'mean' | 'wasCrowded'>;
  readonly agreement: Agreement;
  readonly recordsBytes: number;
}

/** No network and no scheduler is so perfect that a single request proves something. */
const LATE_MAX = 5;
const TOLD_MAX = 5;

export function summaryOf(watched: Watched): Summary {
  const { ledger, done, memory, agreement, crowding } = watched;
  const late = unexcused(done, ledger.failures);
  const judged = late.filter(({ beganMs, atMs }) => !crowding.wasCrowded(beganMs, atMs));
  return {
    ...{ seed: watched.seed, minutes: watched.minutes, without: watched.without, seconds: watched.seconds },
    ...{ customerCalls: ledger.customerCalls, executions: ledger.executions },
    failures: countsOf(ledger.failures),
    ...{ denied: ledger.denied, plainRefused: ledger.plainRefused },
    kinds: byKind(done, ledger.failures),
    actions: done.map((each) => `${new Date(each.beganMs).toISOString()} ${tellDone(each)}`),
    ...{ memory, agreement, crowding: crowding.mean() },
    ...{ late: late.length, lateCrowded: late.length - judged.length },
    unguided: ledger.unguided.length,
    ...{ recordsBytes: watched.recordsBytes, violations: ledger.violations },
    broken: [
      ...ledger.violations.map(({ rule, record }) => `${rule}: ${JSON.stringify(record)}`),
      ...agreement.disagreements,
      ...watched.problems,
      ...tooLate(judged),
      ...ledger.unguided
        .filter(({ beganMs, atMs }) => !crowding.wasCrowded(beganMs, atMs))
        .slice(0, TOLD_MAX)
        .map(({ beganMs, what }) => `felt a lost control plane: ${new Date(beganMs).toISOString()} ${what}`),
      ...memory.filter(isSteep).map(({ role, mibPerHour }) => `memory of ${role} grows: ${mibPerHour} MiB/h`),
      ...(ledger.customerCalls === 0 ? ['nobody called'] : []),
      ...(ledger.denied.by403 === 0 ? ['nobody was denied'] : []),
      ...(ledger.plainRefused === 0 ? ['nobody tried plaintext'] : []),
    ],
  };
}

function countsOf(failures: readonly Failure[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { what } of failures) counts[what] = (counts[what] ?? 0) + 1;
  return counts;
}

function tooLate(late: readonly Failure[]): string[] {
  if (late.length <= LATE_MAX) return [];
  const some = late
    .slice(0, TOLD_MAX)
    .map(({ beganMs, what }) => `${new Date(beganMs).toISOString()} ${what}`);
  return [
    `${late.length} requests failed that were begun more than ${RECOVERY_MAX_MS} ms after a fault that may be felt: ${some.join('; ')}`,
  ];
}

export const tellDone = ({ action, beganMs, endMs, skipped, unfinished }: Done): string =>
  `${describe(action)}, ${((endMs - beganMs) / 1_000).toFixed(1)} s` +
  (skipped === undefined ? '' : ` (skipped: ${skipped})`) +
  (unfinished === undefined ? '' : ` (unfinished: ${unfinished})`);

import type { Play } from '../schedule/options.ts';
import { isJudged } from './memory.ts';
import type { Summary } from './summary.ts';

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** The command that does the same again. */
export const replayOf = ({ seed, minutes, without }: Play): string =>
  `npm run chaos -- --seed ${seed} --minutes ${minutes}` +
  (without.length === 0 ? '' : ` --without ${without.join()}`);

/** A summary for people, as lines. */
export function textOf(summary: Summary): string[] {
  const { kinds, memory, agreement, denied } = summary;
  return [
    '',
    `seed ${summary.seed}, ${summary.minutes} minutes (${summary.seconds} s with all around it)`,
    `${summary.customerCalls} calls of the customer, ${summary.executions} executed by servers, ` +
      `${denied.by403} denied with 403 (${denied.otherwise} otherwise), ${summary.plainRefused} in plaintext refused`,
    `${summary.crowding.toFixed(1)} threads wanted each processor; ${summary.late} requests failed that no fault excuses, ` +
      `${summary.lateCrowded} of them on a crowded machine; ${summary.unguided} felt a lost control plane`,
    'failures:',
    ...Object.entries(summary.failures).map(([what, count]) => `  ${String(count).padStart(5)}  ${what}`),
    'action             times  skipped  failed  longest recovery  longest',
    ...kinds.map(
      ({ kind, times, skipped, failed, longestRecoveryMs, longestMs }) =>
        `${kind.padEnd(18)} ${String(times).padStart(5)}  ${String(skipped).padStart(7)}  ${String(failed).padStart(6)}` +
        `  ${seconds(longestRecoveryMs).padStart(16)}  ${seconds(longestMs).padStart(7)}`,
    ),
    `counters: sidecars answered ${agreement.inboundGood} of ${agreement.executed} executed; ` +
      `${agreement.exactPods} pods of which nothing was killed agree exactly or are named below`,
    ...memory.map(
      (its) =>
        `memory of ${its.role}: ${its.meanMib.toFixed(1)} MiB, ${its.mibPerHour.toFixed(1)} ± ` +
        `${its.confidenceMibPerHour.toFixed(1)} MiB/hour (${its.processes} processes, the longest seen for ` +
        `${its.minutes.toFixed(1)} minutes${isJudged(its) ? '' : ': too short to judge'})`,
    ),
    ...(summary.broken.length === 0
      ? ['ok']
      : ['BROKEN:', ...summary.broken.map((each) => `  ${each}`), `again: ${replayOf(summary)}`]),
  ];
}

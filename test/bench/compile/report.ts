import { writeFileSync } from 'node:fs';
import { commitOf, machineOf } from '../report/json.ts';

/** One kind of change on one mesh. */
export interface CompileRow {
  readonly change: string;
  readonly mesh: string;
  readonly workloads: number;
  /** CPU milliseconds a change: median, and what nine of ten stay below */
  readonly cpuMs: number;
  readonly p90Ms: number;
  readonly turns: number;
  readonly targetMs?: number;
  readonly isMissed?: boolean;
}

export function compileTable(rows: readonly CompileRow[]): string {
  const changes = [...new Set(rows.map(({ change }) => change))];
  const width = Math.max(...rows.map(({ mesh }) => mesh.length));
  return changes
    .map((change) => {
      const lines = rows.filter((row) => row.change === change).map((row) => lineOf(row, width));
      return [change, `  ${'mesh'.padEnd(width)}  CPU ms     p90`, ...lines].join('\n');
    })
    .join('\n\n');
}

function lineOf({ mesh, cpuMs, p90Ms, targetMs, isMissed }: CompileRow, width: number): string {
  const verdict = targetMs === undefined ? '' : `  ${isMissed ? 'MISSED' : 'reached'} (≤ ${targetMs})`;
  return `  ${mesh.padEnd(width)}  ${cpuMs.toFixed(2).padStart(6)}  ${p90Ms.toFixed(2).padStart(6)}${verdict}`;
}

export function writeCompileJson(file: string, rows: readonly CompileRow[]): void {
  const report = { commit: commitOf(), date: new Date().toISOString(), machine: machineOf(), rows };
  writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

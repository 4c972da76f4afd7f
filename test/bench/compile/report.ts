import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writeJson } from '../report/json.ts';
import { replaceFigures } from '../report/markdown.ts';

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

/** Prints the rows, and writes them where that is asked for. */
export function reportCompile(
  rows: readonly CompileRow[],
  { json, markdown }: { readonly json: string | undefined; readonly markdown: string | undefined },
): void {
  console.log(compileTable(rows));
  if (json !== undefined) writeJson(json, rows);
  if (markdown === undefined) return;
  const document = existsSync(markdown) ? readFileSync(markdown, 'utf8') : '';
  writeFileSync(markdown, replaceFigures(document, compileMarkdown(rows), 'compile'));
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

function lineOf(row: CompileRow, width: number): string {
  const figures = `${row.cpuMs.toFixed(2).padStart(6)}  ${row.p90Ms.toFixed(2).padStart(6)}`;
  return `  ${row.mesh.padEnd(width)}  ${figures}  ${verdictOf(row)}`.trimEnd();
}

/** The rows as one table for docs/measurements.md. */
export function compileMarkdown(rows: readonly CompileRow[]): string {
  const head = ['change', 'mesh', 'CPU ms', '90 %', 'turns', 'target'];
  const lines = rows.map((row, i) => [
    rows[i - 1]?.change === row.change ? '' : row.change,
    row.mesh,
    row.cpuMs.toFixed(2),
    row.p90Ms.toFixed(2),
    String(row.turns),
    verdictOf(row),
  ]);
  return [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function verdictOf({ targetMs, isMissed }: CompileRow): string {
  return targetMs === undefined ? '' : `${isMissed ? 'MISSED' : 'reached'} (≤ ${targetMs})`;
}

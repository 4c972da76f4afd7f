import type { Spread } from './quantile.ts';
import type { Row } from './row.ts';
import { type Target, verdictOf } from './targets.ts';

/** Rows as text: one block a hop, columns aligned. */
export function tableOf(rows: readonly Row[], targets: readonly Target[]): string {
  const hops = [...new Set(rows.map(({ hop }) => hop))];
  return hops
    .map((hop) =>
      block(
        hop,
        rows.filter((row) => row.hop === hop),
        targets,
      ),
    )
    .join('\n\n');
}

const HEAD = [
  '',
  'CPU µs',
  '(quartiles)',
  'ratio',
  '(quartiles)',
  'p50 ms',
  'p99 ms',
  'RSS MiB',
  'PSS MiB',
  '',
];

function block(hop: string, rows: readonly Row[], targets: readonly Target[]): string {
  const cells = [HEAD, ...rows.map((row) => cellsOf(row, targets))];
  const used = HEAD.map((_, column) => cells.slice(1).some((row) => row[column] !== ''));
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .flatMap((cell, column) => (used[column] ? [pad(cell, widths[column]!, column)] : []))
      .join('  ')
      .trimEnd(),
  );
  const ratioOf = rows.find((row) => row.ratioOf !== undefined)?.ratioOf;
  return [`${hop}${ratioOf === undefined ? '' : `   (ratio: ${ratioOf})`}`, ...lines].join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 || column === HEAD.length - 1 ? cell.padEnd(width) : cell.padStart(width);
}

function cellsOf(row: Row, targets: readonly Target[]): string[] {
  const number = (value: number | undefined, digits: number) =>
    value === undefined ? '' : value.toFixed(digits);
  return [
    `  ${row.candidate}`,
    number(row.cpuUsPerRequest, 1),
    spreadText(row.cpuSpread, 1),
    number(row.ratio, 2),
    spreadText(row.ratioSpread, 2),
    number(row.p50Ms, 3),
    number(row.p99Ms, 3),
    number(row.rssMb, 1),
    number(row.pssMb, 1),
    remarks(row, targets),
  ];
}

/** The middle half of the repeats. */
export function spreadText(value: Spread | undefined, digits: number): string {
  return value === undefined ? '' : `(${value.q1.toFixed(digits)}–${value.q3.toFixed(digits)})`;
}

function remarks(row: Row, targets: readonly Target[]): string {
  const more = Object.entries(row.more ?? {}).map(([name, value]) => `${name} ${value.toFixed(3)}`);
  const verdicts = targets.map((target) => verdictOf(target, row)).filter((verdict) => verdict !== undefined);
  const failed = row.errors ? [`${row.errors} ERRORS${row.reason ? `: ${row.reason}` : ''}`] : [];
  return [...more, ...verdicts, ...failed].join('; ');
}

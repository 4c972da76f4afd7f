import type { Row } from './row.ts';
import { spreadText } from './table.ts';
import { type Target, verdictOf } from './targets.ts';

/** Puts the table between the marks of a document; a text without marks becomes the table. */
export function replaceFigures(document: string, table: string, mark = 'figures'): string {
  const opening = `<!-- ${mark} -->\n`;
  const from = document.indexOf(opening);
  const to = document.indexOf(`<!-- /${mark} -->\n`, from);
  if (from < 0 || to < 0) return table;
  return `${document.slice(0, from + opening.length)}\n${table}\n${document.slice(to)}`;
}

/** The rows as one table for docs/measurements.md. */
export function markdownOf(rows: readonly Row[], targets: readonly Target[]): string {
  const head = [
    'hop',
    'candidate',
    'CPU µs',
    'ratio (quartiles)',
    'p50 ms',
    'p99 ms',
    'RSS / PSS MiB',
    'target',
  ];
  const lines = rows.map((row, i) => cells(row, rows[i - 1], targets));
  return [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function cells(row: Row, above: Row | undefined, targets: readonly Target[]): string[] {
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '';
  const memory = row.rssMb === undefined ? '' : `${number(row.rssMb, 1)} / ${number(row.pssMb, 1)}`;
  const ratio = row.ratio === undefined ? '' : `${number(row.ratio, 2)} ${spreadText(row.ratioSpread, 2)}`;
  return [
    above?.hop === row.hop ? '' : row.hop,
    row.candidate,
    number(row.cpuUsPerRequest, 1),
    ratio.trim(),
    number(row.p50Ms, 3),
    number(row.p99Ms, 3),
    memory,
    [...moreOf(row), ...targets.flatMap((target) => verdictOf(target, row) ?? [])].join('; '),
  ];
}

function moreOf({ more }: Row): string[] {
  return Object.entries(more ?? {}).map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
}

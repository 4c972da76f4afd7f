import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { writeJson } from '../report/json.ts';
import { replaceFigures } from '../report/markdown.ts';
import { spreadText } from '../report/table.ts';
import type { PolicyRow } from './rows.ts';

export type { PolicyRow };

/** Prints the rows, and writes them where that is asked for. */
export function reportPolicy(
  rows: readonly PolicyRow[],
  { json, markdown }: { readonly json: string | undefined; readonly markdown: string | undefined },
): void {
  console.log(policyTable(rows));
  if (json !== undefined) writeJson(json, rows);
  if (markdown === undefined) return;
  const document = existsSync(markdown) ? readFileSync(markdown, 'utf8') : '';
  writeFileSync(markdown, replaceFigures(document, policyMarkdown(rows), 'policy'));
}

const HEAD = ['', 'CPU µs', 'added µs', '(quartiles)', 'at best', 'to bare', '(quartiles)', 'to nginx', ''];

/** One block a side, columns aligned. */
export function policyTable(rows: readonly PolicyRow[]): string {
  const sides = [...new Set(rows.map(({ side }) => side))];
  return sides
    .map((side) => {
      const cells = [HEAD, ...rows.filter((row) => row.side === side).map(cellsOf)];
      const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
      const pad = (cell: string, column: number) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!);
      const lines = cells.map((row) =>
        row
          .map((cell, column) => (column === HEAD.length - 1 ? cell : pad(cell, column)))
          .join('  ')
          .trimEnd(),
      );
      return [side, ...lines].join('\n');
    })
    .join('\n\n');
}

function cellsOf(row: PolicyRow): string[] {
  const failed = row.errors > 0 ? `${row.errors} ERRORS${row.reason ? `: ${row.reason}` : ''}; ` : '';
  return [
    `  ${row.layer}`,
    row.cpuUs.toFixed(1),
    signed(row.addedUs.median),
    spreadText(row.addedUs, 1),
    signed(row.leastAddedUs),
    row.ratio.median.toFixed(2),
    spreadText(row.ratio, 2),
    row.ratioToNginx?.toFixed(2) ?? '',
    `${failed}${row.what}`,
  ];
}

/** The rows as one table for docs/measurements.md. */
export function policyMarkdown(rows: readonly PolicyRow[]): string {
  const head = [
    ...['side', 'policy', 'what', 'CPU µs', 'added µs (quartiles)', 'at best'],
    'ratio to bare (quartiles)',
  ];
  const lines = rows.map((row, i) => [
    rows[i - 1]?.side === row.side ? '' : row.side,
    row.layer,
    `${row.what}${row.ratioToNginx === undefined ? '' : ` (to nginx ${row.ratioToNginx.toFixed(2)})`}`,
    row.cpuUs.toFixed(1),
    row.errors > 0 ? 'requests failed' : `${signed(row.addedUs.median)} ${spreadText(row.addedUs, 1)}`,
    row.errors > 0 ? '' : signed(row.leastAddedUs),
    row.errors > 0 ? '' : `${row.ratio.median.toFixed(2)} ${spreadText(row.ratio, 2)}`,
  ]);
  return [head, head.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;
}

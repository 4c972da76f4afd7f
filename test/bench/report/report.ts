import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastComparable, ratiosOf, readHistory, record, regressions, regressionText } from './history.ts';
import { commitOf, machineOf, writeJson } from './json.ts';
import { markdownOf, replaceFigures } from './markdown.ts';
import type { Row } from './row.ts';
import { tableOf } from './table.ts';
import { TARGETS } from './targets.ts';

const HISTORY = join(import.meta.dirname, '../../../docs/bench-history.jsonl');

/** Where the rows go. */
export interface Outputs {
  readonly json: string | undefined;
  readonly markdown: string | undefined;
  readonly record: boolean;
}

/** Prints the rows and what got worse since the last recorded run, and writes them where that is asked for. */
export function report(rows: readonly Row[], outputs: Outputs): void {
  console.log(tableOf(rows, TARGETS));
  const last = lastComparable(readHistory(HISTORY), rows);
  console.log(`\n${regressionText(last, regressions(last, rows))}`);
  if (outputs.json !== undefined) writeJson(outputs.json, rows);
  if (outputs.markdown !== undefined) writeMarkdown(outputs.markdown, rows);
  if (!outputs.record) return;
  const { cpu, cores, node } = machineOf();
  const machine = `${cpu}, ${cores} cores, node ${node}`;
  record(HISTORY, { date: new Date().toISOString(), commit: commitOf(), machine, ratios: ratiosOf(rows) });
}

function writeMarkdown(file: string, rows: readonly Row[]): void {
  const document = existsSync(file) ? readFileSync(file, 'utf8') : '';
  writeFileSync(file, replaceFigures(document, markdownOf(rows, TARGETS)));
}

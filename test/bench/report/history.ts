import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Row } from './row.ts';
import { figureOf } from './targets.ts';

/** One recorded run; one line of the history file. */
export interface Entry {
  /** RFC 3339 */
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  /** `<hop>/<candidate>/<figure>`: value */
  readonly ratios: Readonly<Record<string, number>>;
}

export interface Regression {
  readonly name: string;
  readonly before: number;
  readonly now: number;
  /** how much worse, 0.1 is 10 % */
  readonly by: number;
}

/** Worse by more than this is shown. */
const TOLERANCE = 0.1;
const RATIOS = ['ratio', 'ratioToSmallest', 'p50ToNginx', 'p99ToNginx'];

/**
 * The ratios of Weft's rows, where no request failed. Those of the others say how noisy the machine is, and nothing about a commit.
 */
export function ratiosOf(rows: readonly Row[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const row of rows) {
    if (!row.candidate.startsWith('weft') || row.errors) continue;
    for (const figure of RATIOS) {
      const value = figureOf(row, figure);
      if (value !== undefined && Number.isFinite(value)) ratios[nameOf(row, figure)] = round(value);
    }
  }
  return ratios;
}

/** What got worse since `last`, the worst first. What only one of the two has is not compared. */
export function regressions(last: Entry | undefined, rows: readonly Row[]): Regression[] {
  const found: Regression[] = [];
  const moreIsBetter = new Set(
    rows.filter(({ ratioOf }) => ratioOf?.startsWith('bytes')).map((row) => nameOf(row, 'ratio')),
  );
  for (const [name, now] of Object.entries(ratiosOf(rows))) {
    const before = last?.ratios[name];
    if (before === undefined || before <= 0 || now <= 0) continue;
    const by = round((moreIsBetter.has(name) ? before / now : now / before) - 1);
    if (by > TOLERANCE) found.push({ name, before, now, by });
  }
  return found.sort((a, b) => b.by - a.by);
}

export function regressionText(last: Entry | undefined, found: readonly Regression[]): string {
  if (last === undefined) return 'no earlier run to compare with: record one with --record';
  const since = `${last.commit} of ${last.date.slice(0, 10)}`;
  if (found.length === 0) return `no ratio is more than 10 % worse than with ${since}`;
  const lines = found.map(
    ({ name, before, now, by }) => `  ${name}  ${before} → ${now}  (${(by * 100).toFixed(0)} % worse)`,
  );
  return [`worse by more than 10 % than with ${since}:`, ...lines].join('\n');
}

/** The entries of a history file, the oldest first; none when there is no file. Throws on a line that is none. */
export function readHistory(file: string): Entry[] {
  if (!existsSync(file)) return [];
  return parseHistory(readFileSync(file, 'utf8'));
}

export function parseHistory(text: string): Entry[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line, i) => {
    try {
      const entry = JSON.parse(line) as Partial<Entry>;
      if (typeof entry.ratios !== 'object' || typeof entry.date !== 'string') throw new Error('no entry');
      return entry as Entry;
    } catch {
      throw new Error(`line ${i + 1} of the history is not an entry: ${line.slice(0, 60)}`);
    }
  });
}

/** The newest entry that has something to compare with. */
export function lastComparable(entries: readonly Entry[], rows: readonly Row[]): Entry | undefined {
  const names = Object.keys(ratiosOf(rows));
  return entries.findLast(({ ratios }) => names.some((name) => name in ratios));
}

export function record(file: string, entry: Entry): void {
  appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

function nameOf({ hop, candidate }: Row, figure: string): string {
  return `${hop}/${candidate}/${figure}`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

import { stringify } from 'yaml';
import type { Format } from './flags.ts';
import { printable, printableJson, printableLines } from './printable.ts';

/** For programs as it is, for people as `lines` says it. Nothing printed can steer a terminal. */
export function printAs(format: Format, value: unknown, lines: () => readonly string[]): void {
  process.stdout.write(printed(format, value, lines));
}

/** Pure. */
export function printed(format: Format, value: unknown, lines: () => readonly string[]): string {
  if (format === 'json') return `${printableJson(JSON.stringify(value, undefined, 2))}\n`;
  if (format === 'yaml') return printableLines(stringify(value, { aliasDuplicateObjects: false }));
  return lines()
    .map((line) => `${printable(line.trimEnd())}\n`)
    .join('');
}

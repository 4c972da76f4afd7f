import { stringify } from 'yaml';
import type { Format } from './flags.ts';

/** For programs as it is, for people as `lines` says it. */
export function printAs(format: Format, value: unknown, lines: () => readonly string[]): void {
  if (format === 'json') process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  else if (format === 'yaml') process.stdout.write(stringify(value, { aliasDuplicateObjects: false }));
  else
    process.stdout.write(
      lines()
        .map((line) => `${line.trimEnd()}\n`)
        .join(''),
    );
}

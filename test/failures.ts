/** A test that failed, as the spec reporter of node's test runner tells it at its end. */
export interface Failure {
  /** `test/x.test.ts:12:3` */
  readonly where: string;
  readonly name: string;
  /** the first lines of what was thrown, without its stack */
  readonly message: readonly string[];
}

const BLOCK = /^test at (?<where>.+)\n✖ (?<name>.+) \([\d.]+ms\)[^\n]*\n(?<error>(?: {2}.*\n|\n)*)/gm;
const STACK = /^ +at /;
const MOST_LINES = 12;

/** @param output of a stage, whole or from some point before its closing lines */
export function readFailures(output: string): Failure[] {
  return Array.from(output.matchAll(BLOCK), ({ groups }) => ({
    where: groups!.where!,
    name: groups!.name!,
    message: messageOf(groups!.error!),
  }));
}

function messageOf(error: string): string[] {
  const lines = error.split('\n').map((line) => line.replace(/^ {2}/, ''));
  const stack = lines.findIndex((line) => STACK.test(line));
  const said = (stack < 0 ? lines : lines.slice(0, stack)).filter((line) => line.trim() !== '');
  return said.length > MOST_LINES ? [...said.slice(0, MOST_LINES), '…'] : said;
}

/** Two lines for each: few, for whoever is shown only some of a long log. */
export function tellFailures(stage: string, failures: readonly Failure[]): string {
  return failures
    .map(({ where, name, message }) => `✖ ${stage}: ${name} (${where})\n    ${message.join(' ⏎ ')}`)
    .join('\n');
}

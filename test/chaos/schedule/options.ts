import { parseArgs } from 'node:util';
import { allKinds, isKind, type Kind } from './actions.ts';
import { scheduleOf } from './schedule.ts';

export const USAGE = `Usage: npm run chaos -- [options]

Bad days of a cluster, in an order that a seed decides, over a small shop of services in the mesh; what must never be
is looked for all the time. Uses the cluster of 'npm run cluster -- up', or one of its own.

  --seed N       what happens, and when: 0 to 4294967295 (by chance)
  --minutes N    how long there is load: 2 to 1440 (10)
  --without K,K  leave out what is of these kinds, as docs/guides/chaos.md has them
  --list         print what would happen, and do nothing
  -o json        a summary for programs on stdout; all else is on stderr
  --summary FILE the same, into a file
  --help

Ends with 1 when something was broken, with 2 when the arguments are not valid.
`;

/** What happens, and when, depends on this and on nothing else. */
export interface Play {
  readonly seed: number;
  readonly minutes: number;
  /** kinds of which nothing happens */
  readonly without: readonly Kind[];
}

export interface Options extends Play {
  readonly list: boolean;
  readonly isJson: boolean;
  readonly summary?: string;
}

/**
 * @param anySeed what the seed is when none is given
 * @throws Error that says what is wrong
 */
export function readOptions(args: string[], anySeed: () => number): Options | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      ...{ seed: { type: 'string' }, minutes: { type: 'string' }, output: { type: 'string', short: 'o' } },
      ...{
        without: { type: 'string' },
        summary: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    },
  });
  if (values.help) return 'help';
  if (values.output !== undefined && values.output !== 'json') throw new Error('-o takes json');
  if (values.summary === '') throw new Error('--summary takes the name of a file');
  const number = (text: string | undefined, otherwise: () => number) =>
    text === undefined ? otherwise() : text.trim() === '' ? Number.NaN : Number(text);
  const options = {
    ...{ seed: number(values.seed, anySeed), minutes: number(values.minutes, () => 10) },
    without: readKinds(values.without),
    ...{ list: values.list ?? false, isJson: values.output === 'json' },
    ...(values.summary === undefined ? {} : { summary: values.summary }),
  };
  scheduleOf(options.seed, options.minutes);
  return options;
}

function readKinds(text: string | undefined): Kind[] {
  const words = text?.split(',') ?? [];
  const unknown = words.filter((word) => !isKind(word));
  if (unknown.length > 0) {
    throw new Error(`--without takes ${allKinds().join(', ')}, not ${JSON.stringify(unknown[0])}`);
  }
  if (words.length >= allKinds().length) throw new Error('--without leaves nothing that could happen');
  return words.filter(isKind);
}

import { parseArgs } from 'node:util';
import { CANDIDATES, type CandidateName } from './candidates/candidate.ts';

/** What the command line says. */
export interface Options {
  readonly help: boolean;
  /** names of hops; empty: all */
  readonly only: readonly string[];
  readonly candidates: readonly CandidateName[];
  readonly repeats: number;
  readonly seconds: number;
  readonly profile: boolean;
  readonly record: boolean;
  readonly cluster: boolean;
  readonly json: string | undefined;
  readonly markdown: string | undefined;
  readonly tree: string | undefined;
  readonly runtime: string;
  readonly runtimeFlags: readonly string[] | undefined;
}

const DEFAULTS = { repeats: 5, seconds: 3 };
const QUICK = { repeats: 3, seconds: 1 };

export function usage(hops: readonly { readonly name: string; readonly what: string }[]): string {
  return `npm run bench [-- [OPTION ...] [HOP ...]]

Weft's data plane beside nginx, HAProxy and http-proxy: CPU, latency and memory of one proxy on a core of its own,
load and upstream on another; repeats interleaved, medians, ratios to nginx in the same round.

  HOP ..., --only HOP,HOP  run these only; memory means memory-idle, memory-64 and so on
  --candidates A,B      of ${CANDIDATES.join(', ')}
  --repeats N           rounds (${DEFAULTS.repeats})
  --seconds S           of load in each run (${DEFAULTS.seconds})
  --quick               a first look: ${QUICK.repeats} rounds of ${QUICK.seconds} s
  --profile             where Weft's time goes: the functions with the most self time, instead of the comparison
  --json FILE           write the rows for machines
  --markdown FILE       write them as a table, between the marks of docs/measurements.md
  --record              append to docs/bench-history.jsonl what later runs are compared with
  --cluster             also image size and pod start delay, on a real cluster
  --runtime PATH        what runs the Weft candidate (this node), such as bun
  --runtime-flags="F F" flags of it (those of the image)
  --tree DIR            measure api/ and sidecar/ of another checkout, such as one from before a change
  --help

npm run bench -- compile --help: the operator instead, CPU of a change from the model to the sidecars' streams.
npm run bench -- policy --help: what each part of a policy costs a request on top of a hop without any.

Hops:
${hops.map(({ name, what }) => `  ${name.padEnd(20)}  ${what}`).join('\n')}`;
}

/** Throws with a sentence for the user when something is not valid. */
export function readOptions(args: readonly string[], hops: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      candidates: { type: 'string' },
      repeats: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'boolean', default: false },
      record: { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      json: { type: 'string' },
      markdown: { type: 'string' },
      quick: { type: 'boolean', default: false },
      tree: { type: 'string' },
      runtime: { type: 'string', default: process.execPath },
      'runtime-flags': { type: 'string' },
    },
  });
  const defaults = values.quick ? QUICK : DEFAULTS;
  return {
    ...{ help: values.help, profile: values.profile, record: values.record, cluster: values.cluster },
    json: values.json,
    markdown: values.markdown,
    tree: values.tree,
    only: known(
      'hop',
      list([...values.only, ...positionals].join(',')).flatMap((word) => family(word, hops)),
      hops,
    ),
    candidates: known('candidate', list(values.candidates ?? CANDIDATES.join(',')), CANDIDATES),
    repeats: positive('--repeats', values.repeats, defaults.repeats),
    seconds: positive('--seconds', values.seconds, defaults.seconds),
    runtime: values.runtime,
    runtimeFlags: values['runtime-flags']?.split(' ').filter((flag) => flag !== ''),
  };
}

function list(text: string): string[] {
  return text.split(',').filter((word) => word !== '');
}

/** A hop by its name, else all whose names begin with it. */
function family(word: string, hops: readonly string[]): string[] {
  if (hops.includes(word)) return [word];
  const members = hops.filter((name) => name.startsWith(`${word}-`));
  return members.length > 0 ? members : [word];
}

function known<T extends string>(what: string, words: readonly string[], all: readonly T[]): T[] {
  for (const word of words) {
    if (!all.includes(word as T)) throw new Error(`no ${what} ${word}; there are: ${all.join(', ')}`);
  }
  // in the order of the report, whatever the order asked for
  return all.filter((name) => words.includes(name));
}

function positive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1000)
    throw new Error(`${name} wants 1 to 1000, not ${text}`);
  return value;
}

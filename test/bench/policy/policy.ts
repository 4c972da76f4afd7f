import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeBench, openBench } from '../bench.ts';
import { makeOtherBundle, makeParts } from '../candidates/bundles.ts';
import { startNginx } from '../candidates/nginx.ts';
import { startWeft, type WeftOptions } from '../candidates/weft.ts';
import { PLAINTEXT } from '../hops/cpu.ts';
import { type Bench, type Lane, startLanes } from '../hops/hop.ts';
import { runRounds } from '../hops/rounds.ts';
import { type LoadRequest, runWrk, SMALL_REQUEST } from '../machine/load.ts';
import { ensureTools } from '../machine/tools.ts';
import { type Options, readOptions } from '../options.ts';
import { inboundLayers } from './inbound-layers.ts';
import { bare, type Layer } from './layer.ts';
import { OUTBOUND_LAYERS } from './outbound-layers.ts';
import { type PolicyRow, reportPolicy } from './report.ts';
import { type Lanes, rowsOf } from './rows.ts';

const USAGE = `npm run bench -- policy [OPTION ...]

CPU time of one request in plaintext by what the policy says, as a ratio to the same proxy without any policy (the bare
hop), in the same round. A few at a time, each few beside a bare hop of their own.

  --only A,B     these only: nothing-inbound, nothing-outbound (the bare hop beside nginx, beside itself once more, with
                 the documents of the other hops, and without the record of the last requests) or names of the table
  --repeats N    rounds (5)
  --seconds S    of load in each run (3)
  --quick        a first look: 3 rounds of 1 s
  --tree DIR     also the bare hop of another checkout, such as one from before a change
  --json FILE    write the rows for machines
  --markdown FILE  write them as a table, between the policy marks of docs/measurements.md
  --help`;

const CONNECTIONS = 32;
/** Beside one bare hop, so that what is compared is measured within seconds. */
const AT_ONCE = 4;
const SIDES = ['inbound', 'outbound'] as const;
type Side = (typeof SIDES)[number];
const NOTHING = SIDES.map((side) => `nothing-${side}`);

export async function benchPolicy(args: readonly string[], say: (line: string) => void): Promise<void> {
  if (args.includes('--help')) return console.log(USAGE);
  // what the layers need is only known later; their names are not
  const names = [...(await inboundLayers(0)), ...OUTBOUND_LAYERS].map(({ name }) => name);
  const options = readOptions(args, [...NOTHING, ...names]);
  ensureTools(say);
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void closeBench(dir).then(() => process.exit(130)));
  }
  try {
    const bench = await openBench(dir, { ...options, tree: undefined }, say);
    await makeParts();
    reportPolicy(await measure(bench, options), options);
  } finally {
    await closeBench(dir);
  }
}

async function measure(bench: Bench, { only, tree }: Options): Promise<PolicyRow[]> {
  const isWanted = (name: string) => only.length === 0 || only.includes(name);
  const other = tree === undefined ? undefined : await makeOtherBundle(tree);
  const layers = [...(await inboundLayers(bench.upstream.plainPort)), ...OUTBOUND_LAYERS];
  const rows: PolicyRow[] = [];
  for (const side of SIDES) {
    if (isWanted(`nothing-${side}`)) {
      bench.say(`${side}: nothing`);
      rows.push(...(await run(bench, nothing(bench, side, other))));
    }
    const wanted = layers.filter((layer) => layer.side === side && isWanted(layer.name));
    for (const group of groups(wanted)) {
      bench.say(`${side}: ${group.map(({ name }) => name).join(', ')}`);
      rows.push(...(await run(bench, beside(bench, group))));
    }
  }
  return rows;
}

/** Those of one request, so that what its own bytes cost is not taken for the layer. */
function groups(layers: readonly Layer[]): Layer[][] {
  const found: Layer[][] = [];
  for (const layer of layers) {
    const group = found.find((some) => some.length < AT_ONCE && some[0]!.request === layer.request);
    if (group !== undefined) group.push(layer);
    else found.push([layer]);
  }
  return found;
}

async function run(bench: Bench, { side, starts }: Lanes): Promise<PolicyRow[]> {
  const lanes = await startLanes(starts.map(({ start }) => start));
  return rowsOf(side, starts, await runRounds(lanes, bench));
}

function nothing(bench: Bench, side: Side, other: string | undefined): Lanes {
  const weft = (name: string, options: WeftOptions, from: Bench = bench) =>
    weftLane(from, name, side, SMALL_REQUEST, options);
  const before = { ...bench, bundles: { ...bench.bundles, weft: other ?? '' } };
  const what = {
    nginx: 'nginx',
    all: 'the documents of the other hops: every layer has something to do',
    bare: 'no policy',
    again: 'no policy, in another process: what the measurement leaves open',
    record: 'no policy, and no record of the last requests',
    before: 'no policy, the other checkout',
  };
  return {
    side,
    starts: [
      { name: 'bare', what: what.bare, start: weft('bare', { change: bare }) },
      { name: 'bare, again', what: what.again, start: weft('again', { change: bare }) },
      { name: 'nginx', what: what.nginx, start: nginxLane(bench, side) },
      { name: 'all', what: what.all, start: weft('all', {}) },
      {
        name: 'no record',
        what: what.record,
        start: weft('no record', { change: (settings) => ({ ...bare(settings), trails: 0 }) }),
      },
      ...(other === undefined
        ? []
        : [{ name: 'before', what: what.before, start: weft('before', { change: bare }, before) }]),
    ],
  };
}

function beside(bench: Bench, layers: readonly Layer[]): Lanes {
  const { side, request } = layers[0]!;
  return {
    side,
    starts: [
      { name: '', what: '', start: weftLane(bench, 'bare', side, request, { change: bare }) },
      ...layers.map(({ name, what, change }) => ({
        name,
        what,
        start: weftLane(bench, name, side, request, { change: (settings) => change(bare(settings)) }),
      })),
    ],
  };
}

function weftLane(bench: Bench, name: string, side: Side, request: LoadRequest, options: WeftOptions) {
  return async (): Promise<Lane> => {
    const { pid, port, stop } = await startWeft(bench, { ...PLAINTEXT, side }, options);
    const load = (seconds: number) => runWrk(bench.dir, port, CONNECTIONS, seconds, request);
    return { name, pids: [pid], stop, run: load };
  };
}

function nginxLane(bench: Bench, side: Side) {
  return async (): Promise<Lane> => {
    const { pid, port, stop } = await startNginx(bench, { ...PLAINTEXT, side });
    const load = (seconds: number) => runWrk(bench.dir, port, CONNECTIONS, seconds, SMALL_REQUEST);
    return { name: 'nginx', pids: [pid], stop, run: load };
  };
}

import { parseArgs } from 'node:util';
import { appsOf, type MeshShape } from './meshes.ts';
import { OperatorPath } from './operator-path.ts';
import { type CompileRow, reportCompile } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import type { Written } from './sink.ts';

const USAGE = `npm run bench -- compile [OPTION ...]

CPU time of the operator from a change to the lines on the sidecars' streams: marking, compiling, canonical form,
hashes, and what is sent. A turn is one change; medians over the turns, meshes interleaved.

  --rounds N   turns of each kind on each mesh (60; a tenth of them for what touches the whole mesh)
  --json FILE  write the rows for machines
  --markdown FILE  write them as a table, between the compile marks of docs/measurements.md
  --help`;

/** 5 policies and 2 Services to 10 workloads; the second is what the target is about. */
const MESHES: readonly MeshShape[] = [
  { workloads: 100, namespaces: 10 },
  { workloads: 1000, namespaces: 10 },
  { workloads: 1000, namespaces: 1 },
  { workloads: 5000, namespaces: 10 },
];
const ROUNDS = 60;
const WARM_UP = 10;

export async function benchCompile(args: readonly string[], say: (line: string) => void): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: String(ROUNDS) },
      json: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 10 || rounds > 10_000) {
    throw new Error(`--rounds wants 10 to 10000, not ${values.rounds}`);
  }
  const lanes = await Promise.all(
    MESHES.map(async (shape) => {
      const apps = appsOf(shape);
      const startUs = cpuUs();
      const path = await OperatorPath.of(apps);
      say(`${nameOf(shape)}: compiled and connected in ${((cpuUs() - startUs) / 1000).toFixed(0)} ms of CPU`);
      return { shape, apps, path };
    }),
  );
  const rows = SCENARIOS.flatMap((scenario) => {
    const samples = lanes.map((): number[] => []);
    const turns = scenario.isMeshWide ? Math.ceil(rounds / 10) : rounds;
    for (let turn = 0; turn < turns + WARM_UP; turn++) {
      lanes.forEach((lane, index) => {
        const us = measure(lane.path, scenario, lane.apps, turn, lane.shape.workloads);
        if (turn >= WARM_UP) samples[index]!.push(us);
      });
    }
    return lanes.map(({ shape }, index) => rowOf(scenario, shape, samples[index]!));
  });
  reportCompile(rows, { json: values.json, markdown: values.markdown });
  if (rows.some(({ isMissed }) => isMissed)) process.exitCode = 1;
}

type Apps = ReturnType<typeof appsOf>;

/** Microseconds. Throws when the change did not bring what it should. */
function measure(
  path: OperatorPath,
  scenario: Scenario,
  apps: Apps,
  turn: number,
  workloads: number,
): number {
  const changes = scenario.change(apps, turn);
  const before = { ...path.written };
  const startUs = cpuUs();
  path.apply(changes);
  const us = cpuUs() - startUs;
  for (const [what, expected] of Object.entries(scenario.brings(workloads))) {
    const brought = path.written[what as keyof Written] - before[what as keyof Written];
    if (brought !== expected) {
      throw new Error(`${scenario.name} brought ${brought} ${what} to sidecars, not ${expected}`);
    }
  }
  return us;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

export function nameOf({ workloads, namespaces }: MeshShape): string {
  const where = namespaces === 1 ? '1 namespace' : `${namespaces} namespaces`;
  return `${workloads} workloads, ${workloads / 5} services, ${workloads / 2} policies, ${where}`;
}

function rowOf(scenario: Scenario, shape: MeshShape, samplesUs: readonly number[]): CompileRow {
  const sorted = [...samplesUs].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]! / 1000;
  const targetMs = shape.workloads === 1000 ? scenario.targetMs : undefined;
  return {
    ...{ change: scenario.name, mesh: nameOf(shape), workloads: shape.workloads },
    ...{ cpuMs: at(0.5), p90Ms: at(0.9), turns: sorted.length },
    ...(targetMs !== undefined && { targetMs, isMissed: at(0.5) > targetMs }),
  };
}

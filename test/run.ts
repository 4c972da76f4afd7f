import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { type SharedCluster, shareCluster, skipWithoutCluster } from './cluster/cluster.ts';
import { ensureCommands } from './cluster/packages.ts';
import { showProgress } from './cluster/progress.ts';
import { buildImages } from './cluster/scenario.ts';
import { type Failure, readFailures } from './failures.ts';
import { isGood, type StageResult, tellSummary } from './summary.ts';

/**
 * `npm test`: every stage in order, one summary. `npm test -- unit cluster` runs the named stages only.
 * Elsewhere than in CI a test that cannot run says so and is listed as skipped; with CI=true it fails the run.
 */
interface Stage {
  readonly name: string;
  readonly what: string;
  readonly command: readonly string[];
  /** a stage of node's test runner prints counts that are added up */
  readonly tests?: true;
  /** builds or installs real parts: where that cannot be done, the whole stage is skipped and says so */
  readonly realParts?: true;
  /** its files use one cluster, one after the other, but for these, which run while it starts */
  readonly sharesCluster?: { readonly but: readonly string[] };
}

const BIN = 'node_modules/.bin';
const ofCluster = (name: string): string => `test/cluster/${name}.test.ts`;
const ROOMS = ['api', 'operator', 'injector', 'sidecar', 'init', 'cli'];

const STAGES: readonly Stage[] = [
  { name: 'lint', what: 'style and import boundaries', command: [`${BIN}/biome`, 'check', '.'] },
  { name: 'types', what: 'strict type check', command: [`${BIN}/tsc`, '--noEmit'] },
  {
    name: 'drift',
    what: 'generated files are current',
    command: [process.execPath, 'api/generate.ts', '--check'],
  },
  nodeTests(
    'unit',
    'unit, property and contract tests',
    [
      ...ROOMS.map((room) => `${room}/**/*.test.ts`),
      ...['test/*.test.ts', 'test/bench/**/*.test.ts', 'test/soak/*.test.ts', 'test/chaos/*/*.test.ts'],
    ],
    2,
  ),
  nodeTests('bundle', 'the bundles: content and size', ['test/bundle/*.test.ts']),
  nodeTests('embedded', 'the whole mesh as processes on loopback', ['test/embedded/*.test.ts']),
  nodeTests('netns', 'iptables redirection in a network namespace', ['test/netns/*.test.ts']),
  nodeTests('conformance', 'the HTTP/1.1 corpus, h2spec and gRPC interoperability through sidecars', [
    'test/conformance/*.test.ts',
  ]),
  nodeTests('protocols', 'servers, clients and suites of others, nothing declared, through two sidecars', [
    'test/protocols/*.test.ts',
  ]),
  nodeTests('telemetry', 'spans into a real OpenTelemetry Collector', ['test/telemetry/*.test.ts']),
  nodeTests('faults', 'slow, huge, dying and starved peers; no descriptors, a jumping clock', [
    'test/faults/*.test.ts',
  ]),
  nodeTests('rotation', 'certificates and roots change under requests', ['test/rotation/*.test.ts']),
  realParts('apiserver', 'operator and injector against a real kube-apiserver', ['test/apiserver/*.test.ts']),
  realParts('chart', 'the helm chart', ['test/chart/*.test.ts']),
  {
    ...realParts('cluster', 'the whole path on a real cluster', ['test/cluster/*.test.ts']),
    sharesCluster: { but: ['binaries', 'h2load', 'images', 'lock', 'runningcluster'].map(ofCluster) },
  },
  realParts('chaos', 'bad days of a cluster: ten minutes in CI, four elsewhere', ['test/chaos/*.test.ts']),
];

function nodeTests(name: string, what: string, patterns: readonly string[], concurrency = 1): Stage {
  const flags = ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`];
  return { name, what, command: [process.execPath, ...flags, ...patterns], tests: true };
}

function help(): string {
  const stages = STAGES.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`);
  return ['npm test [-- STAGE ...]   all stages, or the named ones:', '', ...stages].join('\n');
}

function realParts(name: string, what: string, patterns: readonly string[]): Stage {
  return { ...nodeTests(name, what, patterns), realParts: true };
}

async function main(wanted: readonly string[]): Promise<number> {
  if (wanted.includes('--help')) {
    console.log(help());
    return 0;
  }
  const unknown = wanted.filter((name) => !STAGES.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    console.error(`no stage ${unknown.join(', ')}; there are: ${STAGES.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  await prepare();
  const results: StageResult[] = [];
  for (const stage of STAGES) {
    if (wanted.length === 0 || wanted.includes(stage.name)) results.push(await runStage(stage));
  }
  return report(results);
}

/** What tests of the kernel's side need. Where it cannot be installed those tests say so and are skipped. */
async function prepare(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  const commands = ['iptables', 'iptables-restore', 'ip', 'unshare', 'nsenter', 'nginx'] as const;
  await ensureCommands(commands, showProgress).catch((error: Error) => console.error(error.message));
}

async function runStage(stage: Stage): Promise<StageResult> {
  console.log(`\n━━ ${stage.name}: ${stage.what}`);
  const named = { name: stage.name, isOfTests: stage.tests === true };
  const cannot = stage.realParts ? await skipWithoutCluster() : false;
  if (cannot) {
    console.log(`skipped: ${cannot}`);
    return { ...named, code: 0, seconds: 0, passed: 0, failed: 0, skipped: 1, failures: [] };
  }
  const startMs = performance.now();
  const { sharesCluster } = stage;
  const { code, counts, failures } = await (sharesCluster
    ? runWithCluster(stage, sharesCluster.but)
    : runCommand(expand(stage.command)));
  const count = (what: string) => (stage.tests ? (counts.get(what) ?? 0) : 0);
  return {
    ...named,
    code,
    seconds: Math.round((performance.now() - startMs) / 1000),
    passed: count('pass'),
    // one that takes longer than it may is called cancelled
    failed: count('fail') + count('cancelled'),
    skipped: count('skipped') + count('todo'),
    failures,
  };
}

async function runWithCluster(stage: Stage, alone: readonly string[]): Promise<Outcome> {
  const command = expand(stage.command);
  const gone = alone.filter((file) => !command.includes(file));
  if (gone.length > 0) throw new Error(`no test file is called ${gone.join(', ')}`);
  const only = (isWanted: (file: string) => boolean) =>
    command.filter((word) => !word.endsWith('.test.ts') || isWanted(word));
  const apart = runCommand(only((file) => alone.includes(file)));
  let shared: SharedCluster | undefined;
  try {
    // the tests that need them build them again, from what is kept, and say what is wrong where that fails
    const building = process.env.KUBECONFIG ? undefined : buildImages().catch(console.error);
    shared = await shareCluster();
    await building;
    const rest = await runCommand(
      only((file) => !alone.includes(file)),
      shared?.environment,
    );
    return both(rest, await apart);
  } catch (error) {
    console.error(error);
    return both({ code: 1, counts: new Map(), failures: [] }, await apart);
  } finally {
    await shared?.end();
  }
}

function both(one: Outcome, other: Outcome): Outcome {
  const counts = new Map(one.counts);
  for (const [what, count] of other.counts) counts.set(what, (counts.get(what) ?? 0) + count);
  return { code: one.code || other.code, counts, failures: [...one.failures, ...other.failures] };
}

/** Patterns are expanded here, so that a pattern that matches nothing is noticed and not an empty success. */
function expand(command: readonly string[]): string[] {
  return command.flatMap((word) => {
    if (!word.includes('*')) return [word];
    const files = globSync(word).sort();
    if (files.length === 0) throw new Error(`no test file matches ${word}`);
    return files;
  });
}

interface Outcome {
  readonly code: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly failures: readonly Failure[];
}

/** So much of the end of a stage's output is kept, for its failures, which are told last. */
const LAST_CHARACTERS = 200_000;

/** @param command expanded */
function runCommand(
  [program = '', ...args]: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment };
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
    let output = '';
    const counts = new Map<string, number>();
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text);
      output = (output + text).slice(-LAST_CHARACTERS);
      for (const [, what, number] of output.slice(-10_000).matchAll(COUNT)) counts.set(what!, Number(number));
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, counts, failures: readFailures(output) }));
  });
}

/** `ℹ pass 12` of the spec reporter's closing lines, after which failures are told at any length. */
const COUNT = /^ℹ (pass|fail|cancelled|skipped|todo) (\d+)$/gm;

function report(results: readonly StageResult[]): number {
  const options = { isStrict: process.env.CI === 'true' };
  console.log(['\n━━ summary', ...tellSummary(results, options)].join('\n'));
  return isGood(results, options) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));

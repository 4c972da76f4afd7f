import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { type Figure, medianOf, printFigures } from './figure.ts';

/**
 * `npm run bench [-- --json FILE] [-- --cluster]`: what one sidecar costs before any request: start-up time,
 * idle memory, size of bundle and image; with --cluster also what injection adds to a pod's start.
 */
const REPEATS = 7;
const IDLE_SETTLE_MS = 3_000;

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help')) {
    console.log(
      'npm run bench [-- --json FILE] [--cluster]\n\n  --json FILE  write the figures for machines\n  --cluster    also image size and pod start delay, on a real cluster',
    );
    return;
  }
  execFileSync(process.execPath, ['build.ts'], { stdio: 'inherit' });
  const figures: Figure[] = [bundleSize(), ...(await sidecarFigures())];
  if (args.includes('--cluster')) {
    const { clusterFigures } = await import('./cluster-figures.ts');
    figures.push(...(await clusterFigures()));
  }
  printFigures(figures);
  const file = args[args.indexOf('--json') + 1];
  if (args.includes('--json') && file !== undefined) writeJson(file, figures);
}

function bundleSize(): Figure {
  return { name: 'sidecar bundle', unit: 'KiB', value: statSync('dist/sidecar.js').size / 1024 };
}

/** Starts the bundled sidecar on a folder that a real operator filled, as `weft run` does. */
async function sidecarFigures(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const operator = startOperator(folder);
  try {
    const streamAddress = await operator.ready;
    const runs: Run[] = [];
    for (let i = 0; i < REPEATS; i++) runs.push(await oneSidecar(folder, streamAddress));
    const nodeAlone = medianOf(Array.from({ length: REPEATS }, bareNodeStartMs));
    return [
      { name: 'sidecar, process start to ready', unit: 'ms', ...spread(runs.map((run) => run.readyMs)) },
      { name: 'bare node, process start to end (same run)', unit: 'ms', value: nodeAlone },
      { name: 'sidecar idle, RSS', unit: 'MiB', ...spread(runs.map((run) => run.rssMb)) },
      { name: 'sidecar idle, PSS', unit: 'MiB', ...spread(runs.map((run) => run.pssMb)) },
    ];
  } finally {
    operator.child.kill('SIGTERM');
    await operator.ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Run {
  readonly readyMs: number;
  readonly rssMb: number;
  readonly pssMb: number;
}

function startOperator(folder: string) {
  const args = [
    'weft.ts',
    'operator',
    '--files',
    'examples/shop',
    '--state',
    folder,
    '--stream-address',
    '127.0.0.1:0',
  ];
  const env = { ...process.env, WEFT_LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ready = new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      const line = text.split('\n').find((candidate) => candidate.includes('"ready"'));
      if (line !== undefined) resolve((JSON.parse(line) as { streamAddress: string }).streamAddress);
    });
    child.once('exit', () => reject(new Error('the operator ended')));
  });
  return { child, ended, ready };
}

async function oneSidecar(folder: string, streamAddress: string): Promise<Run> {
  const state = mkdtempSync(join(folder, 'state-'));
  const env = {
    ...process.env,
    WEFT_PROXY_ID: 'shop-payments',
    WEFT_PROXY_DIR: join(folder, 'proxies', 'shop-payments'),
    WEFT_STATE_DIR: state,
    WEFT_CONTROL_PLANE: streamAddress,
  };
  const startMs = performance.now();
  const child = spawn(process.execPath, [...imageFlags(), 'dist/weft.js', 'sidecar'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    while ((await fetch('http://127.0.0.1:18290/readyz').catch(() => undefined))?.status !== 200) {
      if (child.exitCode !== null) throw new Error('the sidecar ended');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const readyMs = performance.now() - startMs;
    await new Promise((resolve) => setTimeout(resolve, IDLE_SETTLE_MS));
    return { readyMs, ...memoryOf(child.pid!) };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

/** The flags that the image starts node with. */
function imageFlags(): string[] {
  const entry = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync('Dockerfile', 'utf8'));
  const words = JSON.parse(entry![1]!) as string[];
  return words.slice(1).filter((word) => word.startsWith('--'));
}

function memoryOf(pid: number): { rssMb: number; pssMb: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(rollup)![1]);
  return { rssMb: kib('Rss') / 1024, pssMb: kib('Pss') / 1024 };
}

function bareNodeStartMs(): number {
  const startMs = performance.now();
  execFileSync(process.execPath, ['-e', '0']);
  return performance.now() - startMs;
}

function spread(values: readonly number[]) {
  return { value: medianOf(values), min: Math.min(...values), max: Math.max(...values) };
}

function writeJson(file: string, figures: readonly Figure[]): void {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  writeFileSync(
    file,
    `${JSON.stringify({ commit, date: new Date().toISOString(), machine, figures }, null, 2)}\n`,
  );
}

await main(process.argv.slice(2));

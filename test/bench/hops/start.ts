import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SIDECAR_RUNTIME } from '../../../api/environment.ts';
import { type Memory, memoryOf } from '../machine/usage.ts';
import { medianOf, spreadOf } from '../report/quantile.ts';
import type { Row } from '../report/row.ts';
import type { Bench, Hop } from './hop.ts';

const REPEATS = 7;
const IDLE_SETTLE_MS = 5_000;
const READY_TIMEOUT_MS = 30_000;
/** Of `shop-payments` in examples/shop. */
const ADMIN_URL = 'http://127.0.0.1:18290/readyz';

/** What one sidecar costs before any request. */
export const START_HOP: Hop = {
  name: 'start',
  what: 'process start to ready of a sidecar that a real operator serves, its idle memory, the size of its bundle',
  measure: measureStart,
};

async function measureStart(bench: Bench): Promise<readonly Row[]> {
  const dist = await bench.dist();
  if (await isReady()) throw new Error(`something else answers at ${ADMIN_URL}`);
  const folder = join(bench.dir, 'operator');
  mkdirSync(folder);
  const operator = startOperator(folder);
  try {
    const streamAddress = await operator.ready;
    const runs: Run[] = [];
    for (let i = 0; i < REPEATS; i++) {
      runs.push(await oneSidecar(bench, dist, folder, streamAddress));
      bench.say(`  ${i + 1}: ready after ${runs[i]!.readyMs.toFixed(0)} ms`);
    }
    const ready = spreadOf(runs.map(({ readyMs }) => readyMs));
    return [
      {
        ...{ hop: 'start', candidate: 'weft' },
        rssMb: medianOf(runs.map(({ rssMb }) => rssMb)),
        pssMb: medianOf(runs.map(({ pssMb }) => pssMb)),
        more: {
          ...{ readyMs: ready.median, readyQ1Ms: ready.q1, readyQ3Ms: ready.q3 },
          bundleKib: statSync(join(dist, 'sidecar.js')).size / 1024,
        },
      },
      { hop: 'start', candidate: 'bare node, to its end', more: { endMs: medianOf(bareStarts(bench)) } },
    ];
  } finally {
    await end(operator.child);
  }
}

interface Run extends Memory {
  readonly readyMs: number;
}

function startOperator(folder: string) {
  const files = ['--files', 'examples/shop', '--state', folder, '--stream-address', '127.0.0.1:0'];
  const env = { ...process.env, WEFT_LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, ['weft.ts', 'operator', ...files], {
    env,
    cwd: join(import.meta.dirname, '../../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      const line = text.split('\n').find((candidate) => candidate.includes('"ready"'));
      if (line !== undefined) resolve((JSON.parse(line) as { streamAddress: string }).streamAddress);
    });
    child.once('exit', () => reject(new Error('the operator ended')));
  });
  return { child, ready };
}

async function oneSidecar(bench: Bench, dist: string, folder: string, streamAddress: string): Promise<Run> {
  const env = {
    ...process.env,
    ...SIDECAR_RUNTIME,
    WEFT_PROXY_ID: 'shop-payments',
    WEFT_PROXY_DIR: join(folder, 'proxies', 'shop-payments'),
    WEFT_STATE_DIR: mkdtempSync(join(folder, 'state-')),
    WEFT_CONTROL_PLANE: streamAddress,
  };
  const startMs = performance.now();
  const child = spawn(bench.runtime, [...bench.runtimeFlags, join(dist, 'weft.js'), 'sidecar'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await untilReady(child, startMs);
    const readyMs = performance.now() - startMs;
    await new Promise((resolve) => setTimeout(resolve, IDLE_SETTLE_MS));
    return { readyMs, ...memoryOf(child.pid!) };
  } finally {
    await end(child);
  }
}

async function untilReady(child: ChildProcess, startMs: number): Promise<void> {
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error('the sidecar ended');
    if (performance.now() - startMs > READY_TIMEOUT_MS) throw new Error('the sidecar does not become ready');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function isReady(): Promise<boolean> {
  return (await fetch(ADMIN_URL).catch(() => undefined))?.status === 200;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

function bareStarts({ runtime }: Bench): number[] {
  return Array.from({ length: REPEATS }, () => {
    const startMs = performance.now();
    execFileSync(runtime, ['-e', '0']);
    return performance.now() - startMs;
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../free-ports.ts';

/**
 * The shop of `examples/`, run by `weft run` on ports of its own, with apps that do nothing by themselves and a
 * catalog that fails where it is asked to: what a test sees there, that test has done.
 */
export interface Shop {
  /** of the documents */
  readonly folder: string;
  /** a request through the caller's sidecar, at the port where the example has it */
  request(examplePort: number, path: string, init?: RequestInit): Promise<Response>;
  /** `weft ARGS --folder FOLDER`, to its end */
  weft(...args: string[]): Promise<Ended>;
  /** of the process of this mesh whose command is `weft PART` */
  pidOf(part: string): Promise<number>;
  /** The example's port number as this shop has it. */
  port(example: number): number;
  stop(): Promise<void>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const EXAMPLE_PORT = /\b18[0-9]{3}\b/g;
const START_MAX_MS = 30_000;

const APP = `
import { createServer } from 'node:http';
createServer((_request, response) => response.end('fine')).listen(Number(process.env.PORT), '127.0.0.1');
`;

/** Fails the first request of each path below /flaky, and every one below /broken. */
const CATALOG = `
import { createServer } from 'node:http';
const seen = new Set();
createServer((request, response) => {
  const isFirst = request.url.startsWith('/flaky') && !seen.has(request.url);
  seen.add(request.url);
  response.statusCode = isFirst || request.url.startsWith('/broken') ? 503 : 200;
  response.end();
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

/** `policies`: further documents, by file name. */
export async function startShop(policies: Readonly<Record<string, string>> = {}): Promise<Shop> {
  const base = await mkdtemp(join(tmpdir(), 'weft-shop-'));
  const folder = join(base, 'shop');
  await cp('examples/shop', folder, { recursive: true });
  const ports = await giveOwnPorts(folder);
  const apps = { web: APP, payments: APP, catalog: CATALOG };
  for (const [name, source] of Object.entries(apps)) await writeFile(join(folder, `apps/${name}.js`), source);
  for (const [name, text] of Object.entries(policies)) await writeFile(join(folder, name), text);
  // where runs are noted: others that run on this machine are not of this test
  const runtime = join(base, 'runtime');
  await mkdir(runtime, { mode: 0o700 });
  const env = { ...process.env, XDG_RUNTIME_DIR: runtime };
  const run = spawn(process.execPath, ['weft.ts', 'run', folder], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const ended = new Promise((resolve) => run.once('close', resolve));
  await started(run);
  const port = (example: number) => ports.get(String(example)) ?? example;
  return {
    folder,
    port,
    request: async (example, path, init) => {
      const response = await fetch(`http://127.0.0.1:${port(example)}${path}`, init);
      await response.arrayBuffer();
      return response;
    },
    pidOf: (part) => pidOf(part, folder),
    weft: (...args) => weft([...args, '--folder', folder], env),
    stop: async () => {
      run.kill('SIGINT');
      await ended;
      await rm(base, { recursive: true });
    },
  };
}

/** Runs the command line to its end. */
export function weft(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const child = spawn(process.execPath, ['weft.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].on('data', (chunk: Buffer) => {
      texts[stream] += chunk;
    });
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...texts })));
}

/** Linux only: by the folder in its command line. */
async function pidOf(part: string, folder: string): Promise<number> {
  for (const name of (await readdir('/proc')).filter((each) => /^[0-9]+$/.test(each))) {
    const words = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (words.includes(`\0${part}\0`) && words.includes(`\0${folder}\0`)) return Number(name);
  }
  throw new Error(`no weft ${part} of ${folder} runs`);
}

/** `weft run` says so in the line that names its state. */
function started(run: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      run.kill('SIGKILL');
      reject(new Error(`the shop did not start:\n${output}`));
    }, START_MAX_MS);
    const look = (chunk: Buffer) => {
      output += chunk;
      if (!output.includes('its state is in')) return;
      clearTimeout(timer);
      resolve();
    };
    run.stdout!.on('data', look);
    run.stderr!.on('data', look);
    run.once('close', () => {
      clearTimeout(timer);
      reject(new Error(`weft run has ended:\n${output}`));
    });
  });
}

/** Replaces the example's ports in all files; the map goes from theirs to those of this shop. */
async function giveOwnPorts(folder: string): Promise<Map<string, number>> {
  const names = (await readdir(folder)).filter((name) => /\.(yaml|json)$/.test(name));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const wanted = [...new Set(texts.flatMap((text) => text.match(EXAMPLE_PORT) ?? []))];
  const free = await freePorts(wanted.length);
  const ports = new Map(wanted.map((port, index) => [port, free[index]!]));
  for (const [index, name] of names.entries()) {
    const text = texts[index]!.replace(EXAMPLE_PORT, (port) => String(ports.get(port)));
    await writeFile(join(folder, name), text);
  }
  return ports;
}

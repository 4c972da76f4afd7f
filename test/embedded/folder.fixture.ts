import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder written by a test, with ports that nobody else uses, as `weft run` has it. */
export interface Folder {
  readonly path: string;
  run(...args: string[]): Run;
  remove(): Promise<void>;
}

export interface Run {
  readonly ended: Promise<number | null>;
  readonly pid: number;
  output(): string;
  /** waits for these words in the output; throws when they do not come within 30 s or the run ends */
  says(words: string | RegExp): Promise<void>;
  stop(): Promise<number | null>;
}

const SAYS_WITHIN_MS = 30_000;

/** An app that answers `VERSION`, listens on `HOST`:`PORT`, and dies of a request for /die. */
export const APP = `
import { createServer } from 'node:http';
createServer((request, response) => {
  if (request.url === '/die') process.exit(7);
  response.end(process.env.VERSION);
}).listen(Number(process.env.PORT), process.env.HOST ?? '127.0.0.1');
`;

export async function makeFolder(files: Readonly<Record<string, string>>): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'weft-folder-'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return {
    path,
    run: (...args) => startRun(['run', path, ...args], join(path, '.runtime')),
    remove: () => rm(path, { recursive: true }),
  };
}

function startRun(args: readonly string[], runtime: string): Run {
  // where runs are noted: others that run on this machine are not of this test
  const env = { ...process.env, XDG_RUNTIME_DIR: runtime };
  const child = spawn(process.execPath, ['weft.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    ended,
    pid: child.pid!,
    output: () => output,
    says: (words) => said(child, () => output, words),
    stop: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

async function said(child: ChildProcess, output: () => string, words: string | RegExp): Promise<void> {
  const deadline = performance.now() + SAYS_WITHIN_MS;
  const holds = () => (typeof words === 'string' ? output().includes(words) : words.test(output()));
  while (!holds()) {
    if (child.exitCode !== null) throw new Error(`weft run has ended without ${words}:\n${output()}`);
    if (performance.now() > deadline) {
      child.kill('SIGINT');
      throw new Error(`no ${words} within ${SAYS_WITHIN_MS} ms:\n${output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

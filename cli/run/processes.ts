import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Keeper } from './keeper.ts';
import { WEFT } from './weft.ts';

export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
}

const STOP_GRACE_MS = 5_000;

/**
 * Everything one `weft run` started, in order. Stopped in reverse order: apps before their sidecars, sidecars
 * before the operator. Each child's output goes to a log file of its own.
 */
export class Processes {
  readonly #children: { name: string; child: ChildProcess; exited: Promise<void> }[] = [];
  readonly #logFolder: string;
  readonly #onUnexpectedExit: (name: string, how: string, logFile: string) => void;
  readonly #keeper: Keeper;
  #stopping = false;

  constructor(logFolder: string, onUnexpectedExit: (name: string, how: string, logFile: string) => void) {
    this.#keeper = new Keeper(WEFT);
    this.#logFolder = logFolder;
    this.#onUnexpectedExit = onUnexpectedExit;
  }

  /** `onLine` is given each line the process prints, besides the log file. */
  start(spec: ProcessSpec, onLine?: (line: string) => void): ChildProcess {
    const [program, ...args] = spec.command;
    // A process group of its own: Ctrl-C reaches only us, and we end the children in order.
    const child = spawn(program!, args, {
      cwd: spec.cwd,
      env: { ...process.env, ...spec.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    if (child.pid !== undefined) this.#keeper.watch(child.pid);
    const logFile = join(this.#logFolder, `${spec.name}.log`);
    const log = createWriteStream(logFile);
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    if (onLine !== undefined) for (const stream of [child.stdout, child.stderr]) readLines(stream, onLine);
    const exited = new Promise<void>((resolve) => {
      child.once('error', () => resolve());
      child.once('exit', () => resolve());
    });
    // Its last words are in the log only when its output has been read to the end.
    const ended = (how: string) =>
      log.end(() => {
        if (!this.#stopping) this.#onUnexpectedExit(spec.name, how, logFile);
      });
    child.once('error', (error) => ended(error.message));
    child.once('close', (code, signal) => {
      if (child.pid !== undefined) ended(signal ?? `exit code ${code}`);
    });
    this.#children.push({ name: spec.name, child, exited });
    return child;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { child, exited } of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      signalGroup(child.pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(child.pid!, 'SIGKILL'), STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
    }
    this.#children.length = 0;
    this.#keeper.done();
  }

  /** For `process.on('exit')`, where nothing can be awaited any more. */
  killNow(): void {
    this.#stopping = true;
    for (const { child } of this.#children) if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // gone already
  }
}

function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.on('data', (chunk: Buffer | string) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine(line);
  });
}

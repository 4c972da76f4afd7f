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

/** How a process ended, without having been asked to. */
export interface Exit {
  readonly name: string;
  /** `exit code 1`, `SIGKILL` */
  readonly how: string;
  readonly logFile: string;
}

export interface StartOptions {
  /** is given each line the process prints, besides the log file */
  readonly onLine?: (line: string) => void;
  /** asked when it ended unexpectedly; false: it is reported as the end of the run */
  readonly takesCare?: (exit: Exit) => boolean;
  /** to the log of its predecessor */
  readonly appends?: boolean;
}

interface Child {
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
}

const STOP_GRACE_MS = 5_000;

/**
 * Everything one `weft run` started, in order. Stopped in reverse order: apps before their sidecars, sidecars
 * before the operator. Each child's output goes to a log file of its own.
 */
export class Processes {
  readonly #children = new Set<Child>();
  readonly #logFolder: string;
  readonly #onUnexpectedExit: (exit: Exit) => void;
  readonly #keeper: Keeper;
  #stopping = false;

  constructor(logFolder: string, onUnexpectedExit: (exit: Exit) => void) {
    this.#keeper = new Keeper(WEFT);
    this.#logFolder = logFolder;
    this.#onUnexpectedExit = onUnexpectedExit;
  }

  get isStopping(): boolean {
    return this.#stopping;
  }

  start(spec: ProcessSpec, { onLine, takesCare, appends }: StartOptions = {}): void {
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
    const log = createWriteStream(logFile, { flags: appends === true ? 'a' : 'w' });
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
        if (this.#stopping) return;
        const exit = { name: spec.name, how, logFile };
        if (takesCare?.(exit) === true) this.#forget(known);
        else this.#onUnexpectedExit(exit);
      });
    const known = { process: child, exited };
    this.#children.add(known);
    child.once('error', (error) => ended(error.message));
    child.once('close', (code, signal) => {
      if (child.pid !== undefined) ended(signal ?? `exit code ${code}`);
    });
  }

  /** What it left behind would be in its successor's way. */
  #forget(child: Child): void {
    this.#children.delete(child);
    const { pid } = child.process;
    if (pid === undefined) return;
    signalGroup(pid, 'SIGKILL');
    this.#keeper.forget(pid);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { process: child, exited } of [...this.#children].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) continue;
      signalGroup(child.pid, 'SIGTERM');
      const timer = setTimeout(() => signalGroup(child.pid!, 'SIGKILL'), STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
    }
    this.#children.clear();
    this.#keeper.done();
  }

  /** For `process.on('exit')`, where nothing can be awaited any more. */
  killNow(): void {
    this.#stopping = true;
    for (const { process: child } of this.#children)
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
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

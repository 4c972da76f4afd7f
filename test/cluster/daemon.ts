import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { searchPath } from './command.ts';

export interface DaemonOptions {
  name: string;
  command: string;
  args: string[];
  /** The log and the process id go here. */
  directory: string;
  env?: NodeJS.ProcessEnv;
  /** Starts it again when it ends unasked: for what ends when the API server is away for long. */
  keepAlive?: boolean;
}

const restartPause = 500;

/** A process that runs until it is stopped, with its output in a log file. */
export class Daemon {
  readonly name: string;
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #wanted = false;

  constructor(options: DaemonOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get #pidFile(): string {
    return join(this.#options.directory, `${this.name}.pid`);
  }

  start(): void {
    this.#wanted = true;
    if (this.#child) return;
    const { command, args, env } = this.#options;
    const log = openSync(this.#logFile, 'a');
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: searchPath, ...env },
    });
    closeSync(log);
    this.#child = child;
    if (child.pid) writeFileSync(this.#pidFile, String(child.pid));
    this.#ended = new Promise((resolve) => {
      child.on('exit', () => this.#onEnd(resolve));
      child.on('error', () => this.#onEnd(resolve));
    });
  }

  #onEnd(resolve: () => void): void {
    this.#child = undefined;
    rmSync(this.#pidFile, { force: true });
    resolve();
    if (!this.#wanted || !this.#options.keepAlive) return;
    setTimeout(() => this.#wanted && this.start(), restartPause).unref();
  }

  /** Asks the process to end, and ends it when it takes too long. */
  async stop(patience = 5_000): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (!child) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the process at once, as a crash would. */
  async kill(): Promise<void> {
    this.#wanted = false;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Takes the processor from it: its connections stay, and nothing is said on them. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  get #logFile(): string {
    return join(this.#options.directory, `${this.name}.log`);
  }

  logTail(lines = 15): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  /** Waits for the process to do its work; fails at once, with the end of its log, if it ends instead. */
  async waitUntil(ready: () => Promise<boolean>, timeout = 60_000): Promise<void> {
    const deadline = Date.now() + timeout;
    while (!(await ready().catch(() => false))) {
      if (!this.running) throw new Error(`${this.name} has ended:\n${this.logTail()}`);
      if (Date.now() > deadline)
        throw new Error(`${this.name} is not ready after ${timeout} ms:\n${this.logTail()}`);
      await delay(100);
    }
  }
}

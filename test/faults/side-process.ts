import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SIDECAR_RUNTIME } from '../../api/environment.ts';
import type { Command, Report, SideOptions, Started } from './side-protocol.ts';

export interface ProcessOptions {
  /** the file to run instead of the source */
  readonly entry?: string;
  readonly runtime?: string;
  /** of the runtime */
  readonly flags?: readonly string[];
  /** of open file descriptors */
  readonly descriptorLimit?: number;
  /** modules to load first */
  readonly preload?: readonly string[];
  /** so that memory can be compared */
  readonly collectable?: boolean;
}

const ENTRY = join(import.meta.dirname, 'side.ts');
/** USER_HZ of proc(5), 100 on every Linux there is. */
const TICKS_PER_SECOND = 100;

/** The parent's handle on a data path in a process of its own. */
export class SideProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (result: unknown) => void>();
  readonly #closed: Promise<void>;
  #lastId = 0;
  #started: Started = { inbound: [], outbound: [] };
  #errors = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', ({ id, result }: { id: number; result: unknown }) => {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    });
    child.stderr?.on('data', (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes.toString()).slice(-4_000);
    });
    this.#closed = new Promise((resolve) => child.once('close', () => resolve()));
  }

  static async start(options: SideOptions, how: ProcessOptions = {}): Promise<SideProcess> {
    const side = new SideProcess(spawnSide(options, how));
    const started = side.#result<Started>(0);
    const failed = side.#closed.then(() => {
      throw new Error(`the data path did not start: ${side.#errors}`);
    });
    side.#started = await Promise.race([started, failed]);
    failed.catch(() => {});
    return side;
  }

  get pid(): number {
    return this.#child.pid!;
  }
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  /** what it wrote to stderr, the end of it */
  get errors(): string {
    return this.#errors;
  }
  get inboundPort(): number {
    return this.#started.inbound[0]!;
  }
  get inboundPorts(): readonly number[] {
    return this.#started.inbound;
  }
  get outboundPort(): number {
    return this.#started.outbound[0]!;
  }

  report(): Promise<Report> {
    return this.#ask<Report>('report');
  }
  /** Memory held after two garbage collections; buffers go with the second. */
  async settledBytes(): Promise<number> {
    await this.#ask('collect');
    await this.#ask('collect');
    return (await this.report()).heldBytes;
  }
  /** The wall clock is so far off from now on. */
  async jumpClock(offsetMs: number): Promise<void> {
    await this.#ask('jump', offsetMs);
  }
  /** Returns before the loop is held. */
  async block(durationMs: number): Promise<void> {
    await this.#ask('block', durationMs);
  }

  /** Seconds of CPU it has used so far. */
  cpuSeconds(): number {
    // proc_pid_stat(5): the name is in parentheses and may hold spaces; utime and stime are fields 14 and 15
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #ask<Result>(what: Command['what'], value = 0): Promise<Result> {
    this.#lastId += 1;
    const command: Command = { id: this.#lastId, what, value };
    const result = this.#result<Result>(command.id);
    this.#child.send(command);
    return result;
  }

  #result<Result>(id: number): Promise<Result> {
    return new Promise((resolve) => this.#waiting.set(id, resolve as (result: unknown) => void));
  }
}

function spawnSide(options: SideOptions, how: ProcessOptions): ChildProcess {
  const flags = [
    ...(how.flags ?? []),
    ...(how.collectable ? ['--expose-gc'] : []),
    ...(how.preload ?? []).flatMap((file) => ['--import', file]),
  ];
  const command = [how.runtime ?? process.execPath, ...flags, how.entry ?? ENTRY, JSON.stringify(options)];
  const limited = how.descriptorLimit
    ? ['sh', '-c', `ulimit -n ${how.descriptorLimit} && exec "$@"`, 'sh', ...command]
    : command;
  return spawn(limited[0]!, limited.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // the test runner's own settings are not the data path's
    env: { PATH: process.env.PATH ?? '', MALLOC_ARENA_MAX: SIDECAR_RUNTIME.MALLOC_ARENA_MAX },
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, searchPath } from '../cluster/command.ts';
import { accepts } from '../listening.ts';

/** The user `nobody`, as which runs what refuses to be root. */
export const NOBODY = 65_534;
const START_MAX_MS = 60_000;

export interface ServerOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** SIGTERM unless given */
  readonly stopBy?: NodeJS.Signals;
  readonly uid?: number;
}

/** A server of others as a process in the foreground, up once its port takes connections. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #stopBy: NodeJS.Signals;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor(command: string, args: readonly string[], options: ServerOptions) {
    this.#stopBy = options.stopBy ?? 'SIGTERM';
    this.#child = spawn(findOnPath(command) ?? command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: searchPath, ...options.env },
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output = (this.#output + bytes).slice(-4_000);
      });
    }
    this.#exited = once(this.#child, 'exit').catch((error: Error) => {
      this.#output += error.message;
    });
  }

  static async start(
    port: number,
    command: string,
    args: readonly string[],
    options: ServerOptions = {},
  ): Promise<ServerProcess> {
    const server = new ServerProcess(command, args, options);
    const endMs = performance.now() + START_MAX_MS;
    while (!(await accepts(port))) {
      if (server.#child.exitCode !== null || performance.now() > endMs) {
        await server.stop();
        throw new Error(`${command} does not listen on port ${port}:\n${server.#output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return server;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async stop(): Promise<void> {
    this.#child.kill(this.#stopBy);
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** A folder for what a server keeps. `uid`: whose it is. */
export async function temporaryFolder(
  uid?: number,
): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'weft-protocols-'));
  if (uid !== undefined) await chown(path, uid, uid);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}

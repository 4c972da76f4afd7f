import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Counts } from './flood.ts';

/** So many that no process comes near its limit of descriptors. */
const CLIENTS_PER_PROCESS = 2_500;

/** Thousands of clients, spread over processes and source addresses. */
export class Flood {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Resolves when each connection was served or refused. */
  static async start(
    port: number,
    attempts: number,
  ): Promise<{ readonly flood: Flood; readonly counts: Counts }> {
    const children = Array.from({ length: Math.ceil(attempts / CLIENTS_PER_PROCESS) }, (_, index) => {
      const count = Math.min(CLIENTS_PER_PROCESS, attempts - index * CLIENTS_PER_PROCESS);
      const argv = [String(port), String(count), `127.0.0.${index + 1}`];
      return fork(join(import.meta.dirname, 'flood.ts'), argv, { execArgv: [], env: {} });
    });
    const flood = new Flood(children);
    return { flood, counts: await flood.#counts() };
  }

  /** A request on every connection that is open; resolves when each was served or refused. */
  askAgain(): Promise<Counts> {
    const counts = this.#counts();
    for (const child of this.#children) child.send({});
    return counts;
  }

  async stop(): Promise<void> {
    const running = this.#children.filter(
      ({ signalCode, exitCode }) => signalCode === null && exitCode === null,
    );
    const closed = running.map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(closed);
  }

  async #counts(): Promise<Counts> {
    const all = await Promise.all(
      this.#children.map((child) => new Promise<Counts>((resolve) => child.once('message', resolve))),
    );
    const sum = (key: 'served' | 'refused') => all.reduce((total, counts) => total + counts[key], 0);
    return {
      served: sum('served'),
      refused: sum('refused'),
      told: all.flatMap((counts) => counts.told),
      slowestRefusalMs: Math.max(...all.map((counts) => counts.slowestRefusalMs)),
    };
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * Ends the processes of a run whose runner was killed and could not end them itself. It is told every process
 * group over a pipe; the pipe's end without `done` means that the runner is gone.
 */
export class Keeper {
  readonly #child: ChildProcess;

  /** `weft`: the command line that starts this program. */
  constructor(weft: readonly string[]) {
    const [program, ...args] = weft;
    this.#child = spawn(program!, [...args, 'keep'], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#child.on('error', () => {}); // a run without a keeper is still a run
    this.#child.stdin!.on('error', () => {});
    this.#child.unref();
  }

  watch(pid: number): void {
    this.#child.stdin!.write(`${pid}\n`);
  }

  /** The group has no process any more, and its number may become somebody else's. */
  forget(pid: number): void {
    this.#child.stdin!.write(`-${pid}\n`);
  }

  /** Everything was ended in order. */
  done(): void {
    this.#child.stdin!.end('done\n');
  }
}

/** `weft keep`, the keeper's own process. */
export async function keep(input: NodeJS.ReadableStream): Promise<void> {
  const groups = new Set<number>();
  for await (const line of createInterface({ input })) {
    if (line === 'done') return;
    if (/^[1-9][0-9]*$/.test(line)) groups.add(Number(line));
    if (/^-[1-9][0-9]*$/.test(line)) groups.delete(-Number(line));
  }
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // gone already
    }
  }
}

import { dirname, resolve } from 'node:path';
import type { WorkloadDocument } from '../../api/workload.ts';
import type { Exit, Processes, ProcessSpec } from './processes.ts';
import { keyOf, proxyId } from './workload-place.ts';

const FIRST_DELAY_MS = 1_000;
const DELAY_MAX_MS = 30_000;
/** An app that ran for so long is not what fails at every start. */
const STEADY_AFTER_MS = 30_000;

/** Pure: how long to wait after so many ends in a row, the first being 0. */
export function restartDelayMs(endsBefore: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** Math.min(endsBefore, 10), DELAY_MAX_MS);
}

/** The apps of a run: one that ends before all run ends the run too, afterwards it is started again. */
export class Apps {
  readonly #folder: string;
  readonly #processes: Pick<Processes, 'start' | 'isStopping'>;
  readonly #notice: (text: string) => void;
  /** by key of the workload, in words */
  readonly #down = new Map<string, string>();
  #restarts = false;

  /** `folder`: where relative commands start from. */
  constructor(
    folder: string,
    processes: Pick<Processes, 'start' | 'isStopping'>,
    notice: (text: string) => void,
  ) {
    this.#folder = folder;
    this.#processes = processes;
    this.#notice = notice;
  }

  start(workload: WorkloadDocument): void {
    if (workload.spec.app !== undefined) this.#run(workload, specOf(workload, this.#folder), 0);
  }

  restartFromNowOn(): void {
    this.#restarts = true;
  }

  get down(): string[] {
    return [...this.#down.values()];
  }

  #run(workload: WorkloadDocument, spec: ProcessSpec, endsBefore: number): void {
    const startMs = performance.now();
    const takesCare = (exit: Exit) => {
      if (!this.#restarts) return false;
      const wasSteady = performance.now() - startMs >= STEADY_AFTER_MS;
      this.#startLater(workload, spec, wasSteady ? 0 : endsBefore, exit);
      return true;
    };
    this.#processes.start(spec, { takesCare, appends: this.#restarts });
  }

  #startLater(workload: WorkloadDocument, spec: ProcessSpec, endsBefore: number, exit: Exit): void {
    const key = keyOf(workload);
    const delayMs = restartDelayMs(endsBefore);
    const said = `the app of ${key} ended (${exit.how}); its log is ${exit.logFile}`;
    this.#down.set(key, said);
    this.#notice(`${said}; it is started again in ${delayMs / 1000} s`);
    const timer = setTimeout(() => {
      if (this.#processes.isStopping) return;
      this.#down.delete(key);
      this.#notice(`the app of ${key} is started again`);
      this.#run(workload, spec, endsBefore + 1);
    }, delayMs);
    timer.unref();
  }
}

function specOf({ metadata, spec: { app } }: WorkloadDocument, folder: string): ProcessSpec {
  return {
    name: proxyId(metadata),
    command: app!.command,
    cwd: resolve(folder, app!.cwd ?? '.'),
    // `node` in a command means the one that runs Weft.
    env: { PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}`, ...app!.env },
  };
}

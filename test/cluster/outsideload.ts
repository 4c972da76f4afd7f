import { setTimeout as delay } from 'node:timers/promises';
import { type Generator, generatorName, RATE, readLogs, SILENCE_SECONDS } from './h2load.fixture.ts';
import { isSettled, type Log, type Outside, readLog, type Span, tally } from './h2load.ts';

/** A silent generator is noted, and started anew, within this. */
const PATIENCE_MS = (SILENCE_SECONDS + 8) * 1_000;
const PAUSE_MS = 500;

/** Runs a command in the pod of the generators; gives what it printed. */
export type RunInPod = (...command: string[]) => Promise<string>;

/** What generators of others see, from one moment to another. */
export class OutsideWindow {
  readonly #run: RunInPod;
  readonly #generators: readonly Generator[];
  readonly #fromUs: number;

  private constructor(run: RunInPod, generators: readonly Generator[], fromUs: number) {
    this.#run = run;
    this.#generators = generators;
    this.#fromUs = fromUs;
  }

  static async open(run: RunInPod, generators: readonly Generator[]): Promise<OutsideWindow> {
    const isNeeded = generators.length > 0;
    return new OutsideWindow(run, generators, isNeeded ? await nowUs(run) : 0);
  }

  /** What they saw of requests that were sent until now, once these have ended; by generator. */
  async close(): Promise<Readonly<Record<string, Outside>>> {
    if (this.#generators.length === 0) return {};
    const span = { fromUs: this.#fromUs, untilUs: await nowUs(this.#run) };
    const log = await this.#settled(span);
    return Object.fromEntries(
      this.#generators.map((each) => [generatorName(each), tally(endedOf(log, each), span, paceOf(each))]),
    );
  }

  async #settled(span: Span): Promise<Log> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const log = readLog(await this.#run(...readLogs(span.fromUs)));
      const isOver = this.#generators.every((each) => isSettled(endedOf(log, each), span, paceOf(each)));
      if (isOver || performance.now() > deadlineMs) return log;
      await delay(PAUSE_MS);
    }
  }
}

const nowUs = async (run: RunInPod) => Number(await run('date', '+%s%6N'));
const endedOf = (log: Log, generator: Generator) => log.ended[generatorName(generator)] ?? [];
const paceOf = ({ version }: Generator) => (version === 'h2' ? RATE : undefined);

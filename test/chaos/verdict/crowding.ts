import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const EVERY_MS = 500;
const SAMPLES_MAX = 2 * 60 * 60 * 24;
/** How many want each processor when requests are late for no other reason. */
const CROWDED = 5;
const AROUND_MS = 5_000;

/** How many threads of this machine want to run, for each of its processors: of everybody, not only of the run. */
export class Crowding {
  readonly #samples: { readonly atMs: number; readonly each: number }[] = [];
  #timer: NodeJS.Timeout | undefined;

  start(): void {
    const sample = () => this.add(Date.now(), readFileSync('/proc/loadavg', 'utf8'), availableParallelism());
    this.#timer = setInterval(sample, EVERY_MS).unref();
  }
  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param loadAverage `0.20 0.18 0.12 3/402 7911`: the fourth are those that run or want to, of all (proc(5)) */
  add(atMs: number, loadAverage: string, processors: number): void {
    if (this.#samples.length >= SAMPLES_MAX) this.#samples.shift();
    this.#samples.push({ atMs, each: Number(/ (\d+)\//.exec(loadAverage)?.[1] ?? 0) / processors });
  }

  mean(fromMs = 0, toMs = Number.POSITIVE_INFINITY): number {
    let sum = 0;
    let count = 0;
    // from the end: what is asked for most often has just been
    for (let i = this.#samples.length - 1; i >= 0 && this.#samples[i]!.atMs >= fromMs; i--) {
      const { atMs, each } = this.#samples[i]!;
      if (atMs > toMs) continue;
      sum += each;
      count += 1;
    }
    return sum / Math.max(1, count);
  }

  /** Whether what took this time may have been late for want of a processor. */
  wasCrowded(fromMs: number, toMs: number): boolean {
    return this.mean(fromMs - AROUND_MS, toMs) > CROWDED;
  }
}

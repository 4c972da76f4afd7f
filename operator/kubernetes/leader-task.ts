import { backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { describeError, type Log } from '../log.ts';
import type { Leadership } from '../platform.ts';

export interface LeaderTaskOptions {
  /** for logs */
  readonly name: string;
  readonly leadership: Pick<Leadership, 'isLeader' | 'onChange'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly intervalMs: number;
  readonly log: Log;
  readonly work: () => Promise<void>;
}

/** Work that the leader does at once when it becomes leader, and then again and again; never twice at a time. */
export class LeaderTask {
  readonly #options: LeaderTaskOptions;
  #running: Promise<void> | undefined;
  #cancel: () => void = () => {};
  #stopped = false;
  #failures = 0;

  constructor(options: LeaderTaskOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.leadership.onChange(() => this.#run());
    this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  #run(): void {
    this.#cancel();
    if (this.#stopped || this.#running !== undefined || !this.#options.leadership.isLeader) return;
    this.#running = this.#once();
  }

  async #once(): Promise<void> {
    const { name, clock, random, intervalMs, log, work } = this.#options;
    try {
      await work();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      log.warn({ task: name, error: describeError(error) }, 'a task of the leader failed; it is tried again');
    }
    this.#running = undefined;
    const delayMs =
      this.#failures === 0
        ? intervalMs
        : backoffMs(this.#failures, { baseMs: 1_000, maxMs: intervalMs }, random);
    if (!this.#stopped) this.#cancel = clock.after(delayMs, () => this.#run());
  }
}

import type { Leadership } from '../platform.ts';
import type { Clock } from './clock.ts';
import { describeError, type Log } from './log.ts';

export interface LeaderTaskOptions {
  /** for logs */
  readonly name: string;
  readonly leadership: Leadership;
  readonly clock: Clock;
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
    const { name, clock, intervalMs, log, work } = this.#options;
    try {
      await work();
    } catch (error) {
      log.warn({ task: name, error: describeError(error) }, 'a task of the leader failed; it is tried again');
    }
    this.#running = undefined;
    if (!this.#stopped) this.#cancel = clock.after(intervalMs, () => this.#run());
  }
}

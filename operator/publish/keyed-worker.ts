import { type BackoffLimits, backoffMs } from '../backoff.ts';
import type { Clock } from '../clock.ts';

export interface KeyedWorkerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** how long a key waits for more of the same before it is worked on */
  readonly windowMs: number;
  readonly concurrency: number;
  readonly work: (key: string) => Promise<void>;
  readonly onError: (key: string, error: unknown) => void;
}

const BACKOFF: BackoffLimits = { baseMs: 500, maxMs: 30_000 };

interface Job {
  state: 'waiting' | 'ready' | 'running';
  /** asked for again while running */
  again: boolean;
  failures: number;
  cancel: () => void;
}

/**
 * Level-based work by key: any number of requests within the window are one, a key is never worked on twice at
 * a time, what fails is tried again with the key's own backoff. Holds one entry a key, nothing else.
 */
export class KeyedWorker {
  readonly #options: KeyedWorkerOptions;
  readonly #jobs = new Map<string, Job>();
  readonly #ready = new Set<string>();
  #running = 0;
  #closed = false;

  constructor(options: KeyedWorkerOptions) {
    this.#options = options;
  }

  /** Keys waiting or running. */
  get size(): number {
    return this.#jobs.size;
  }

  add(key: string): void {
    if (this.#closed) return;
    const job = this.#jobs.get(key);
    if (job?.state === 'running') job.again = true;
    if (job === undefined) this.#wait(key, 0, this.#options.windowMs);
  }

  /** Drops what waits, its backoff too; what runs, runs to its end. */
  clear(): void {
    for (const [key, job] of this.#jobs) {
      job.again = false;
      job.cancel();
      if (job.state !== 'running') this.#jobs.delete(key);
    }
    this.#ready.clear();
  }

  close(): void {
    this.#closed = true;
    this.clear();
  }

  #wait(key: string, failures: number, delayMs: number): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      job.state = 'ready';
      this.#ready.add(key);
      this.#fill();
    });
    const job: Job = { state: 'waiting', again: false, failures, cancel };
    this.#jobs.set(key, job);
  }

  #fill(): void {
    for (const key of this.#ready) {
      if (this.#running >= this.#options.concurrency) return;
      this.#ready.delete(key);
      this.#running += 1;
      const job = this.#jobs.get(key)!;
      job.state = 'running';
      void this.#run(key, job);
    }
  }

  async #run(key: string, job: Job): Promise<void> {
    let failures = 0;
    try {
      await this.#options.work(key);
    } catch (error) {
      failures = job.failures + 1;
      this.#options.onError(key, error);
    }
    this.#running -= 1;
    this.#jobs.delete(key);
    const { clock: _clock, random, windowMs } = this.#options;
    if (!this.#closed && failures > 0) this.#wait(key, failures, backoffMs(failures, BACKOFF, random));
    else if (!this.#closed && job.again) this.#wait(key, 0, windowMs);
    this.#fill();
  }
}

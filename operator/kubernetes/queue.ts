import { type BackoffLimits, backoffMs, DEFAULT_BACKOFF } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { ApiError, isTransient } from './api-error.ts';

export interface QueueOptions {
  readonly clock: Clock;
  readonly random: () => number;
  /** jobs of different keys that run at the same time */
  readonly concurrency?: number;
  /** attempts of one job before its error is reported */
  readonly maxAttempts?: number;
  /** keys waiting or running; beyond it `run` rejects */
  readonly capacity?: number;
  readonly backoff?: BackoffLimits;
}

type Job = () => Promise<void>;

interface Entry {
  readonly key: string;
  job: Job;
  /** everyone who asked for this key since its job last started */
  waiters: PromiseWithResolvers<void>[];
  failures: number;
  running: boolean;
  /** what to run next, asked for while the job was running */
  next: { job: Job; waiters: PromiseWithResolvers<void>[] } | undefined;
  cancelTimer: (() => void) | undefined;
}

/**
 * Writes by key: never two of one key at a time, a newer one replaces one that has not begun, and what failed
 * for a passing reason is tried again with the key's own backoff. Others do not wait for it.
 */
export class KeyedQueue {
  readonly #options: Required<QueueOptions>;
  readonly #entries = new Map<string, Entry>();
  #ready: Entry[] = [];
  #running = 0;
  #drained: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = {
      concurrency: 8,
      maxAttempts: 8,
      capacity: 100_000,
      backoff: DEFAULT_BACKOFF,
      ...options,
    };
  }

  /** Resolves when this job, or a newer one of the same key that replaced it, has succeeded. */
  run(key: string, job: Job): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    const entry = this.#entries.get(key);
    if (entry?.running) entry.next = { job, waiters: [...(entry.next?.waiters ?? []), waiter] };
    else if (entry) this.#replace(entry, job, waiter);
    else if (this.#entries.size >= this.#options.capacity)
      waiter.reject(new Error('the write queue is full'));
    else this.#add({ key, job, waiters: [waiter] });
    return waiter.promise;
  }

  /** Resolves when nothing runs; what waits for its backoff is not waited for. */
  async drain(): Promise<void> {
    if (this.#running === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained.push(resolve);
    await promise;
  }

  /** Rejects everything that waits; what is running runs to its end. */
  abandon(reason: Error): void {
    for (const entry of this.#entries.values()) {
      entry.cancelTimer?.();
      const waiters = entry.running ? (entry.next?.waiters ?? []) : entry.waiters;
      entry.next = undefined;
      entry.failures = this.#options.maxAttempts;
      if (!entry.running) this.#entries.delete(entry.key);
      for (const waiter of waiters) waiter.reject(reason);
    }
    this.#ready = [];
  }

  #replace(entry: Entry, job: Job, waiter: PromiseWithResolvers<void>): void {
    entry.job = job;
    entry.waiters.push(waiter);
  }

  #add({ key, job, waiters }: Pick<Entry, 'key' | 'job' | 'waiters'>): void {
    const entry = { key, job, waiters, failures: 0, running: false, next: undefined, cancelTimer: undefined };
    this.#entries.set(key, entry);
    this.#ready.push(entry);
    this.#fill();
  }

  #fill(): void {
    while (this.#running < this.#options.concurrency) {
      const entry = this.#ready.shift();
      if (entry === undefined) return;
      this.#running += 1;
      entry.running = true;
      void this.#attempt(entry);
    }
  }

  async #attempt(entry: Entry): Promise<void> {
    try {
      await entry.job();
      this.#settle(entry, (waiter) => waiter.resolve());
    } catch (error) {
      entry.failures += 1;
      if (entry.next !== undefined) this.#requeueNewer(entry, error);
      else if (isTransient(error) && entry.failures < this.#options.maxAttempts)
        this.#retryLater(entry, error);
      else this.#settle(entry, (waiter) => waiter.reject(error));
    }
    this.#running -= 1;
    this.#fill();
    if (this.#running === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  #settle(entry: Entry, tell: (waiter: PromiseWithResolvers<void>) => void): void {
    const { key, waiters, next } = entry;
    this.#entries.delete(key);
    for (const waiter of waiters) tell(waiter);
    if (next !== undefined) this.#add({ key, ...next });
  }

  /** The attempt failed and a newer job is there: it stands for both, and inherits the backoff. */
  #requeueNewer(entry: Entry, error: unknown): void {
    entry.job = entry.next!.job;
    entry.waiters.push(...entry.next!.waiters);
    entry.next = undefined;
    this.#retryLater(entry, error);
  }

  #retryLater(entry: Entry, error: unknown): void {
    const { clock, random, backoff } = this.#options;
    const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    entry.running = false;
    entry.cancelTimer = clock.after(askedMs + backoffMs(entry.failures, backoff, random), () => {
      entry.cancelTimer = undefined;
      this.#ready.push(entry);
      this.#fill();
    });
  }
}

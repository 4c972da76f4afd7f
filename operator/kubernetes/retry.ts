import { backoffMs, DEFAULT_BACKOFF } from '../backoff.ts';
import { type Clock, sleep } from '../clock.ts';
import { isTransient } from './api-error.ts';

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onFailure: (error: unknown, delayMs: number) => void;
}

/** Tries until it succeeds, fails for a reason that will not pass, or the signal aborts. */
export async function retryTransient<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, random, signal, onFailure } = options;
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || signal.aborted) throw error;
      const delayMs = Math.round(backoffMs(failures, DEFAULT_BACKOFF, random));
      onFailure(error, delayMs);
      await sleep(clock, delayMs, signal);
      if (signal.aborted) throw error;
    }
  }
}

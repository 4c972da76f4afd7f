import { getHeapStatistics } from 'node:v8';

const SAMPLE_MS = 20;

/** Highest memory in use, sampled while it runs. */
export class MemoryPeak {
  #peakBytes = 0;

  constructor() {
    setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** The most since the last call. */
  take(): number {
    this.#sample();
    const peakBytes = this.#peakBytes;
    this.#peakBytes = 0;
    return peakBytes;
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, memoryInUse());
  }
}

/** JavaScript heap and what it holds outside of it. Unlike `process.memoryUsage` it takes no file descriptor. */
export function memoryInUse(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

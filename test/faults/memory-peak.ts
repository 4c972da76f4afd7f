import { getHeapStatistics } from 'node:v8';

const SAMPLE_MS = 20;

/** Highest and lowest memory in use, sampled while it runs. */
export class MemoryPeak {
  #peakBytes = 0;
  #heapFloorBytes = Number.POSITIVE_INFINITY;

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

  /** The least heap since the last call. */
  takeHeapFloor(): number {
    this.#sample();
    const floor = this.#heapFloorBytes;
    this.#heapFloorBytes = Number.POSITIVE_INFINITY;
    return floor;
  }

  #sample(): void {
    this.#peakBytes = Math.max(this.#peakBytes, memoryInUse());
    this.#heapFloorBytes = Math.min(this.#heapFloorBytes, getHeapStatistics().used_heap_size);
  }
}

/** JavaScript heap and what it holds outside of it. Unlike `process.memoryUsage` it takes no file descriptor. */
export function memoryInUse(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

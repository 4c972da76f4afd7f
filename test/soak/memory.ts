import { readFileSync } from 'node:fs';
import type { SideProcess } from '../faults/side-process.ts';
import type { Sample } from './trend.ts';

/** What is sampled of one process: all of its memory, and the JavaScript heap that garbage collection leaves. */
export class MemorySeries {
  readonly name: string;
  readonly rss: Sample[] = [];
  readonly heap: Sample[] = [];
  readonly #side: SideProcess;
  readonly #startedMs = performance.now();

  constructor(name: string, side: SideProcess) {
    this.name = name;
    this.#side = side;
  }

  async sample(): Promise<void> {
    const { heapFloorBytes } = await this.#side.report();
    const minutes = (performance.now() - this.#startedMs) / 60_000;
    this.rss.push({ minutes, kib: residentKib(this.#side.pid) });
    this.heap.push({ minutes, kib: heapFloorBytes / 1024 });
  }
}

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

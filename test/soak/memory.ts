import { readFileSync } from 'node:fs';
import type { SideProcess } from '../faults/side-process.ts';
import type { Sample } from './trend.ts';

/** What is sampled of one process: all of its memory, and what a full garbage collection leaves in use. */
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
    const minutes = (performance.now() - this.#startedMs) / 60_000;
    this.rss.push({ minutes, kib: residentKib(this.#side.pid) });
    // after the RSS is read, which it would change
    this.heap.push({ minutes, kib: (await this.#side.settledBytes()) / 1024 });
  }
}

function residentKib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
}

import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds on a CPU of all threads so far, by the scheduler's own accounting (first field of schedstat). */
export function cpuNs(pid: number): number {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readIfThere(`/proc/${pid}/task/${task}/schedstat`)?.split(' ')[0] ?? 0);
  }
  return sum;
}

export interface Memory {
  readonly rssMb: number;
  /** pages shared with other processes, such as those of the node binary, in proportion */
  readonly pssMb: number;
}

export function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kib = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(rollup)![1]);
  return { rssMb: kib('Rss') / 1024, pssMb: kib('Pss') / 1024 };
}

/** Threads end between listing and reading. */
function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

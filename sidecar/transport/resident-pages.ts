import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** One mapping of /proc/self/smaps (proc(5)). */
export interface Mapping {
  readonly start: number;
  readonly bytes: number;
}

const HEAD = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+\s+(\/.*)?$/;
const MADV_DONTNEED = 4;

/**
 * What starting up has read of the programs on disk and running does not need: read-only mappings of files of
 * which no page is the process's own. A page that was written, as the loader does to relocations, would be
 * lost for good, so one such page keeps the whole mapping.
 */
export function droppable(smaps: string): Mapping[] {
  const found: Mapping[] = [];
  let mapping: Mapping | undefined;
  for (const line of smaps.split('\n')) {
    const head = HEAD.exec(line);
    if (head !== null) mapping = readOnlyFile(head);
    else if (mapping !== undefined && /^Anonymous:\s+0 kB$/.test(line)) found.push(mapping);
  }
  return found;
}

function readOnlyFile([, from, to, permissions, path]: RegExpExecArray): Mapping | undefined {
  if (path === undefined || (permissions !== 'r--p' && permissions !== 'r-xp')) return undefined;
  const start = Number.parseInt(from!, 16);
  return { start, bytes: Number.parseInt(to!, 16) - start };
}

/**
 * Gives those pages back. They stay in the page cache, shared by all sidecars of the node, and come back when
 * they are touched. Returns how many mappings; throws where there is no such thing.
 */
export function dropStartupPages(): number {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const madvise = koffi
    .load(null as unknown as string)
    .func('int madvise(uintptr_t address, size_t length, int advice)') as (
    address: number,
    length: number,
    advice: number,
  ) => number;
  const mappings = droppable(readFileSync('/proc/self/smaps', 'utf8'));
  return mappings.filter(({ start, bytes }) => madvise(start, bytes, MADV_DONTNEED) === 0).length;
}

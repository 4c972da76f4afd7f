import type { TrailRecord } from '../../api/trail-record.ts';

/** What one sidecar kept of a request, and which sidecar. */
export interface Located {
  /** `<namespace>/<pod>` */
  readonly sidecar: string;
  readonly record: TrailRecord;
}

export function beginMs({ record }: Located): number {
  return record.endedMs - record.durationMs;
}

/**
 * In the order of time, as far as the clocks of their machines agree. What a caller sent comes before what was
 * received of it: clocks of the same machine are read at slightly different moments too.
 */
export function inOrder(located: readonly Located[]): Located[] {
  return [...located].sort((a, b) => {
    const apartMs = beginMs(a) - beginMs(b);
    if (Math.abs(apartMs) > CLOCKS_APART_MS || a.record.direction === b.record.direction) return apartMs;
    return a.record.direction === 'outbound' ? -1 : 1;
  });
}
const CLOCKS_APART_MS = 2;

import type { TrailRecord } from '../../api/trail-record.ts';

/** What one sidecar kept of a request, and which sidecar. */
export interface Located {
  /** `<namespace>/<pod>` */
  readonly sidecar: string;
  readonly record: TrailRecord;
  /** what a mirror got, or what came of that: its answer is nobody's */
  readonly isCopy?: boolean;
}

export function beginMs({ record }: Located): number {
  return record.endedMs - record.durationMs;
}

/**
 * In the order of time, as far as the clocks of their machines agree: what one sidecar sent comes before what another
 * received at very nearly the same moment.
 */
export function inOrder(located: readonly Located[]): Located[] {
  const sorted = [...located].sort((a, b) => beginMs(a) - beginMs(b));
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1]!, sorted[i]!];
    if (isReceivedBeforeSent(before, after)) [sorted[i - 1], sorted[i]] = [after, before];
  }
  return sorted;
}

const CLOCKS_APART_MS = 2;

function isReceivedBeforeSent(before: Located, after: Located): boolean {
  return (
    before.record.direction === 'inbound' &&
    after.record.direction === 'outbound' &&
    before.sidecar !== after.sidecar &&
    beginMs(after) - beginMs(before) <= CLOCKS_APART_MS
  );
}

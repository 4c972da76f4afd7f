import type { TrailRecord } from '../../api/trail-record.ts';

/** What was kept of the last requests, the newest first. */
export interface Trails {
  records(matches?: (record: TrailRecord) => boolean): Iterable<TrailRecord>;
}

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;

/**
 * `GET /trails`: `id` of a request or its trace, `since` in milliseconds since 1970, `limit` (100 unless said).
 * What cannot be read as a number counts as not said.
 */
export function selectTrails(trails: Trails | undefined, query: URLSearchParams): TrailRecord[] {
  const id = query.get('id');
  const sinceMs = numberOf(query.get('since')) ?? 0;
  const limit = Math.min(numberOf(query.get('limit')) ?? DEFAULT_LIMIT, MAX_LIMIT);
  const selected: TrailRecord[] = [];
  for (const record of trails?.records((each) => each.endedMs >= sinceMs && isAsked(each, id)) ?? []) {
    if (selected.length >= limit) break;
    selected.push(record);
  }
  return selected;
}

function isAsked({ requestId, traceId }: TrailRecord, id: string | null): boolean {
  return id === null || (id !== '' && (requestId === id || traceId === id));
}

function numberOf(text: string | null): number | undefined {
  const number = text === null || text === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}

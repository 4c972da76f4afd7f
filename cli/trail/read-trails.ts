import type { TrailRecord } from '../../api/trail-record.ts';

type Type = 'string' | 'number' | 'boolean';
type TypeOf<T> = T extends string ? 'string' : T extends number ? 'number' : 'boolean';

/** Of every field that a record must have. */
const TYPES: {
  readonly [Field in Exclude<keyof TrailRecord, 'path' | 'isCopy'>]: TypeOf<TrailRecord[Field]>;
} = {
  ...{ requestId: 'string', traceId: 'string', direction: 'string', endedMs: 'number', durationMs: 'number' },
  ...{ connectedAfterMs: 'number', respondedAfterMs: 'number', caller: 'string', callerAddress: 'string' },
  ...{ at: 'string', service: 'string', method: 'string', pathIsCut: 'boolean', host: 'string' },
  ...{ status: 'number', code: 'string', peerError: 'string', reason: 'string', aborted: 'boolean' },
  ...{ verdict: 'string', policy: 'string', rule: 'string', auditPolicy: 'string', auditRule: 'string' },
  ...{ limitPolicy: 'string', limit: 'string', route: 'string', routePolicy: 'string', endpoint: 'string' },
  ...{ algorithm: 'string', knownEndpoints: 'number', usableEndpoints: 'number', isPanicking: 'boolean' },
  ...{ failedAttempts: 'string', attempts: 'number', encrypted: 'boolean', delayedMs: 'number' },
};
const FIELDS = Object.entries(TYPES) as [string, Type][];
/** of one sidecar */
const RECORDS_MAX = 10_000;
/** that a Date can hold */
const TIME_MAX_MS = 8.64e15;

/** `GET /trails` as a sidecar answered. Whoever rules a pod may answer for its sidecar: throws unless it has its shape. */
export function readTrails(answer: unknown): TrailRecord[] {
  if (!Array.isArray(answer) || answer.length > RECORDS_MAX || !answer.every(isTrailRecord)) {
    throw new Error('the sidecar answered with something else than kept requests');
  }
  return answer;
}

function isTrailRecord(value: unknown): value is TrailRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  return (
    FIELDS.every(([field, type]) => typeof record[field] === type) &&
    (record.direction === 'inbound' || record.direction === 'outbound') &&
    Math.abs(record.endedMs as number) + Math.abs(record.durationMs as number) <= TIME_MAX_MS &&
    (record.path === undefined || typeof record.path === 'string') &&
    (record.isCopy === undefined || typeof record.isCopy === 'boolean')
  );
}

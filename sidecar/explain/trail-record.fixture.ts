import type { TrailRecord } from '../../api/trail-record.ts';

/** A request that was let in, with nothing about it worth a word. */
export function recordOf(more: Partial<TrailRecord> = {}): TrailRecord {
  return {
    ...{ requestId: 'id', traceId: '', direction: 'inbound', endedMs: 0, durationMs: 1 },
    ...{ connectedAfterMs: -1, respondedAfterMs: -1, caller: '', callerAddress: '', at: '', service: '' },
    ...{ method: 'GET', path: '/', pathIsCut: false, host: 'api', status: 200, code: '', peerError: '' },
    ...{ reason: '', aborted: false, verdict: 'allowed', policy: '', rule: 'default' },
    ...{ auditPolicy: '', auditRule: '', limitPolicy: '', limit: '', route: '', routePolicy: '' },
    ...{ endpoint: '', algorithm: '', knownEndpoints: 0, usableEndpoints: 0, isPanicking: false },
    ...{ failedAttempts: '', attempts: 0, encrypted: false, delayedMs: 0 },
    ...more,
  };
}

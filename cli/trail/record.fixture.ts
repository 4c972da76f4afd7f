import type { TrailRecord } from '../../api/trail-record.ts';
import type { Located } from './located.ts';

const RECORD: TrailRecord = {
  ...{ requestId: 'id-1', traceId: '', direction: 'inbound', endedMs: 1_000, durationMs: 2 },
  ...{ connectedAfterMs: -1, respondedAfterMs: -1, caller: 'spiffe://td/ns/shop/sa/web', callerAddress: '' },
  ...{ at: '10.0.0.2:8080', service: '', method: 'GET', path: '/v1', pathIsCut: false, host: 'payments' },
  ...{ status: 200, code: '', peerError: '', reason: '', aborted: false, verdict: 'allowed', policy: '' },
  ...{ rule: 'default', auditPolicy: '', auditRule: '', limitPolicy: '', limit: '', route: '' },
  ...{ routePolicy: '', endpoint: '', algorithm: '', knownEndpoints: 0, usableEndpoints: 0 },
  ...{ isPanicking: false, failedAttempts: '', attempts: 0, encrypted: true, delayedMs: 0 },
};

export function inbound(change: Partial<TrailRecord> = {}, sidecar = 'shop/payments-1'): Located {
  return { sidecar, record: { ...RECORD, ...change } };
}

export function outbound(change: Partial<TrailRecord> = {}, sidecar = 'shop/web-1'): Located {
  const sent = { ...RECORD, direction: 'outbound', at: 'shop/payments:80', verdict: '', rule: '' } as const;
  const endpoint = { endpoint: '10.0.0.2:8080', algorithm: 'PeakEWMA', knownEndpoints: 3 } as const;
  return { sidecar, record: { ...sent, ...endpoint, usableEndpoints: 2, attempts: 1, ...change } };
}

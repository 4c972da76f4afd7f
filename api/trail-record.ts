/**
 * What one sidecar kept of one request: `GET /trails` of its admin socket. Empty texts say that there was no such
 * thing; durations are milliseconds.
 */
export interface TrailRecord {
  /** the value of x-request-id, the same at both sidecars */
  readonly requestId: string;
  /** of its trace; empty: it is in none */
  readonly traceId: string;
  readonly direction: 'inbound' | 'outbound';
  /** when it ended, milliseconds since 1970 */
  readonly endedMs: number;
  readonly durationMs: number;
  /** from its begin; -1: it did not come to it */
  readonly connectedAfterMs: number;
  readonly respondedAfterMs: number;
  /** SPIFFE ID or address */
  readonly caller: string;
  readonly callerAddress: string;
  /** what was dialled: `address:port` inbound, the key of the destination outbound */
  readonly at: string;
  readonly service: string;
  readonly method: string;
  /** in normal form, without query; undefined: it has none */
  readonly path: string | undefined;
  /** there was more of it */
  readonly pathIsCut: boolean;
  readonly host: string;
  /** 0: no answer was sent */
  readonly status: number;
  /** the mesh's own error */
  readonly code: string;
  /** the mesh error that the other sidecar answered with */
  readonly peerError: string;
  readonly reason: string;
  readonly aborted: boolean;
  readonly verdict: string;
  readonly policy: string;
  readonly rule: string;
  /** a rule in Audit mode that would have denied */
  readonly auditPolicy: string;
  readonly auditRule: string;
  /** the rate limit that refused */
  readonly limitPolicy: string;
  readonly limit: string;
  readonly route: string;
  readonly routePolicy: string;
  readonly endpoint: string;
  /** by which the endpoint was chosen, among how many */
  readonly algorithm: string;
  readonly knownEndpoints: number;
  readonly usableEndpoints: number;
  readonly isPanicking: boolean;
  /** `endpoint code` of each, separated by `; ` */
  readonly failedAttempts: string;
  readonly attempts: number;
  readonly encrypted: boolean;
  /** what a mirror got, as its sender said; absent: the sidecar is older than that */
  readonly isCopy?: boolean;
  /** by a fault */
  readonly delayedMs: number;
}

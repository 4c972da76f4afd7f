import type { Destination } from './destination.ts';
import type { ProxyConfig } from './proxy-config.ts';

/** `POST /replay` of a sidecar's admin socket: what would a candidate have said to the requests that are kept? */
export interface ReplayRequest {
  /** absent: inbound requests, and what goes outside the mesh, are not judged */
  readonly config?: ProxyConfig;
  /** by key, `<namespace>/<service>:<port>`: outbound requests to one of them are judged, however it was dialled */
  readonly destinations?: readonly Destination[];
  /** only requests of the last so many minutes; absent: all that are kept */
  readonly minutes?: number;
}

/** Of the whole body, which is parsed in one go: a configuration is much smaller, a destination of 10,000 endpoints fits. */
export const REPLAY_MAX_BYTES = 1024 * 1024;

/**
 * How a verdict differs: what was let through would be denied; what was denied or limited would be let through;
 * what was let through would be over a rate limit; it would go elsewhere. Unknown: that depends on something
 * that is not kept.
 */
export type ReplayChangeKind = 'denied' | 'allowed' | 'limited' | 'rerouted' | 'unknown';

/** Requests that are alike, and whose verdict changes in the same way. */
export interface ReplayChange {
  readonly kind: ReplayChangeKind;
  readonly direction: 'inbound' | 'outbound';
  /** SPIFFE ID or address */
  readonly caller: string;
  /** what was dialled: `address:port` inbound, the key of the destination outbound */
  readonly at: string;
  readonly method: string;
  /** with `{id}` for what looks like data; empty: it has none */
  readonly path: string;
  /** what decided then, and what would decide, in words */
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

export interface ReplayResult {
  readonly proxyId: string;
  /** requests that are kept, and since when (milliseconds since 1970); 0: none are */
  readonly kept: number;
  readonly keptSinceMs: number;
  /** of those: in the time asked for, and about something the candidate says */
  readonly judged: number;
  readonly unchanged: number;
  /** of the time asked for: left out, the latest, since judging took too long */
  readonly notJudged: number;
  /** the most frequent first */
  readonly changes: readonly ReplayChange[];
  /** requests whose change did not fit in `changes` any more */
  readonly notListed: number;
  /** what must be known to read the numbers */
  readonly notes: readonly string[];
}

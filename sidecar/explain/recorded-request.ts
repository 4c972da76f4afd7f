import { parseSpiffeId } from '../../api/spiffe.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { anonymous, type Caller } from '../layers/caller.ts';
import type { RouteRequest } from '../layers/route-match.ts';

/** Who made a request that is kept. */
export function recordedCaller({ caller, callerAddress, encrypted }: TrailRecord): Caller {
  if (!encrypted) return anonymous(callerAddress);
  const { trustDomain, namespace, serviceAccount } = parseSpiffeId(caller) ?? {};
  return { spiffeId: caller, trustDomain, namespace, serviceAccount, address: callerAddress };
}

/** The port of `address:port`. */
export function portOf(at: string): number {
  return Number(at.slice(at.lastIndexOf(':') + 1));
}

/**
 * A request that is kept, as rules and routes look at it. Of its fields only the host is kept. `contentType`: what
 * it is taken to be, for rules about gRPC.
 */
export function recordedRequest(record: TrailRecord, contentType: string | undefined): RouteRequest {
  return {
    method: record.method,
    path: record.path,
    query: '',
    header(name) {
      if (name === 'host') return record.host;
      return name === 'content-type' ? contentType : undefined;
    },
  };
}

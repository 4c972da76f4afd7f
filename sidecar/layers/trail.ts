import type { Host } from '../balancers/host.ts';
import type { RouteSettings } from '../outbound/route-settings.ts';
import type { Upstream } from '../outbound/upstream.ts';

/**
 * What each layer decided about one request or connection, in fields that always exist: recording costs no
 * allocation beyond the record itself. `explain` and the access log read it.
 */
export class Trail {
  /** the value of x-request-id */
  requestId = '';
  /** the policy and rule that decided authorization; empty: the default did */
  policy = '';
  rule = '';
  verdict: '' | 'allowed' | 'denied' = '';
  /** a rule in Audit mode that would have denied */
  auditPolicy = '';
  auditRule = '';
  /** the rate limit that refused; empty: none did */
  limitPolicy = '';
  limit = '';
  /** name of the route taken; empty: there are none */
  route = '';
  /** the policy the route comes from */
  routePolicy = '';
  /** a fault delayed it so long; 0: none did */
  delayedMs = 0;
  /** host that was named by what goes outside the mesh; empty: none was */
  host = '';
  /** `address:port` of the endpoint used last */
  endpoint = '';
  attempts = 0;
  /** by which the endpoint was chosen, and among how many */
  algorithm = '';
  knownEndpoints = 0;
  usableEndpoints = 0;
  isPanicking = false;
  /** `endpoint code` of each attempt that failed and was not the last, separated by `; ` */
  failedAttempts = '';
  /** of the span that is made of it; empty: none is */
  traceId = '';
  /** it was sent by a mirror, whose sidecar says so */
  isCopy = false;
  /** whether the connection to the peer is mTLS */
  encrypted = false;
  /** the mesh error another sidecar answered with; empty: none */
  peerError = '';
  /** where it goes, as far as it is known yet; outbound */
  upstream: Upstream | undefined = undefined;
  settings: RouteSettings | undefined = undefined;
  chosen: Host | undefined = undefined;
  /** what went wrong, for the log; never sent to the peer */
  reason = '';
  /** monotonic; 0: not reached */
  startedMs = 0;
  connectedMs = 0;
  respondedMs = 0;

  /** Another attempt follows; of a storm of them the first few are enough. */
  attemptFailed(endpoint: string, code: string): void {
    if (this.failedAttempts.length > 512) return;
    this.failedAttempts += `${this.failedAttempts === '' ? '' : '; '}${endpoint} ${code}`;
  }
}

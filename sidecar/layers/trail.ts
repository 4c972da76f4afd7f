/**
 * What each layer decided about one request or connection, in fields that always exist: recording costs no
 * allocation beyond the record itself. `explain` and the access log read it.
 */
export class Trail {
  /** the policy and rule that decided authorization; empty: the default did */
  policy = '';
  rule = '';
  verdict: '' | 'allowed' | 'denied' = '';
  /** a rule in Audit mode that would have denied */
  auditPolicy = '';
  auditRule = '';
  /** name of the route taken; empty: there are none */
  route = '';
  /** `address:port` of the endpoint used last */
  endpoint = '';
  attempts = 0;
  /** whether the connection to the peer is mTLS */
  encrypted = false;
  /** the mesh error another sidecar answered with; empty: none */
  peerError = '';
  /** what went wrong, for the log; never sent to the peer */
  reason = '';
  /** monotonic; 0: not reached */
  startedMs = 0;
  connectedMs = 0;
  respondedMs = 0;
}

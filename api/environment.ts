/**
 * Environment variables of the injected containers: the injector writes them, `weft init` and `weft sidecar`
 * read them. Lists are comma-separated.
 */
export const ENV = {
  podName: 'WEFT_POD_NAME',
  podNamespace: 'WEFT_POD_NAMESPACE',
  podUid: 'WEFT_POD_UID',
  podIp: 'WEFT_POD_IP',
  proxyId: 'WEFT_PROXY_ID',
  /** host:port of the stream */
  controlPlane: 'WEFT_CONTROL_PLANE',
  /** the one SPIFFE ID the sidecar accepts there */
  controlPlaneId: 'WEFT_CONTROL_PLANE_ID',
  /** PEM roots, for the first connection of a sidecar that has no Secret yet */
  trustBundle: 'WEFT_TRUST_BUNDLE',
  logLevel: 'WEFT_LOG_LEVEL',
  /** JSON of api/probes.ts DeclaredProbes */
  probes: 'WEFT_PROBES',
  skipInboundPorts: 'WEFT_SKIP_INBOUND_PORTS',
  skipOutboundPorts: 'WEFT_SKIP_OUTBOUND_PORTS',
  skipOutboundCidrs: 'WEFT_SKIP_OUTBOUND_CIDRS',
} as const;

/**
 * How the runtime of a sidecar is kept small (docs/decisions/0007): what it makes per request is gone at once, so
 * a small young generation costs no speed, and one arena of malloc is enough for one thread.
 */
export const SIDECAR_RUNTIME = {
  NODE_OPTIONS: '--max-semi-space-size=1',
  MALLOC_ARENA_MAX: '1',
} as const;

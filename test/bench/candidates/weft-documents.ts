import type { Destination, Endpoint } from '../../../api/destination.ts';
import type { DestinationRoute, DestinationTraffic } from '../../../api/destination-traffic.ts';
import type { AuthorizationRule, Protocol, ProxyConfig } from '../../../api/proxy-config.ts';
import { API, WEB } from '../machine/certificates.ts';

/** The documents that the operator would send: every layer has something to do, none answers on its own. */

export const KEY = 'shop/api:80';

/** How much of each there is; what the scale hops turn. */
export interface Scale {
  readonly endpoints: number;
  readonly routes: number;
}
export const SMALL: Scale = { endpoints: 1, routes: 3 };

/** A route table whose last route takes the requests, so that all others are looked at. */
function routes(count: number): DestinationRoute[] {
  const others = Array.from({ length: count - 1 }, (_, i) => ({
    name: `route-${i}`,
    match: [{ path: { type: 'PathPrefix' as const, value: `/never/${i}` }, methods: ['GET', 'POST'] }],
    timeout: { requestMs: 5_000 },
  }));
  return [...others, { name: 'all', timeout: { requestMs: 15_000 } }];
}

/** Timeouts, armed retries under a budget, breaker and outlier detection: a policy that says everything. */
function traffic(scale: Scale): DestinationTraffic {
  return {
    routes: routes(scale.routes),
    timeout: { connectMs: 1_000, requestMs: 15_000, idleMs: 300_000 },
    retry: { attempts: 2, conditions: ['ConnectFailure', 'Reset', 'GatewayError'] },
    retryBudget: { percent: 20, minPerSecond: 10 },
    loadBalancing: { algorithm: 'PeakEWMA' },
    circuitBreaker: { maxConnections: 20_000, maxPendingRequests: 20_000, maxRequests: 20_000 },
    outlierDetection: { consecutiveErrors: 5, intervalMs: 10_000, baseEjectionMs: 30_000 },
  };
}

/** `count` addresses of loopback, all served by the one upstream. */
export function addresses(count: number): string[] {
  if (count === 1) return ['127.0.0.1'];
  return Array.from({ length: count }, (_, i) => `127.1.${i >> 8}.${i & 0xff}`);
}

function endpoints(count: number, port: number, spiffeId: string | undefined): Endpoint[] {
  return addresses(count).map((address) => ({
    address,
    port,
    workload: 'api',
    namespace: 'shop',
    ...(spiffeId !== undefined && { spiffeId }),
  }));
}

export function destination(
  port: number,
  spiffeId: string | undefined,
  scale: Scale,
  key = KEY,
): Destination {
  return {
    version: { hash: 'bench', policies: {} },
    key,
    name: 'api',
    namespace: 'shop',
    protocol: 'HTTP',
    endpoints: endpoints(scale.endpoints, port, spiffeId),
    traffic: traffic(scale),
  };
}

/** By caller, by method and by path; the last one allows what the load sends. Bytes are judged by caller alone. */
function rules(protocol: Protocol): AuthorizationRule[] {
  const rule = { policy: 'shop/api', mode: 'Enforce' } as const;
  const from = [{ spiffeId: WEB }, { ipBlock: '127.0.0.0/8' }];
  if (protocol === 'TCP') return [{ ...rule, name: 'web', action: 'Allow', from }];
  return [
    { ...rule, name: 'no-admin', action: 'Deny', to: [{ paths: ['/admin/**', '/internal/*/secrets'] }] },
    { ...rule, name: 'no-intruder', action: 'Deny', from: [{ namespace: 'intruders' }] },
    { ...rule, name: 'ops', action: 'Allow', from: [{ namespace: 'ops' }], to: [{ methods: ['DELETE'] }] },
    {
      ...rule,
      name: 'web',
      action: 'Allow',
      from,
      to: [{ methods: ['GET', 'POST'], paths: ['/**'] }],
    },
  ];
}

export function proxyConfig(
  app: 'web' | 'api',
  listeners: Partial<NonNullable<ProxyConfig['listeners']>>,
  protocol: Protocol = 'HTTP',
): ProxyConfig {
  return {
    apiVersion: 'weft.dev/v1alpha1',
    kind: 'ProxyConfig',
    version: { hash: 'bench', policies: {} },
    proxyId: 'bench-proxy',
    trustDomain: 'cluster.local',
    workload: { name: app, namespace: 'shop', serviceAccount: app, app },
    controlPlane: { address: '127.0.0.1:1', spiffeId: API },
    inbound: {
      ports: [{ protocol, mtls: 'Permissive', authorizationDefault: 'Deny' }],
      rules: rules(protocol),
    },
    listeners: { inbound: [], outbound: [], admin: { address: '127.0.0.1', port: 1 }, ...listeners },
  };
}

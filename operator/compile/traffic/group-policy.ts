import type {
  BackendTraffic,
  DestinationTraffic,
  HealthCheckPolicy,
  LoadBalancing,
  OutlierDetectionPolicy,
} from '../../../api/destination-traffic.ts';
import type { Traffic } from '../../../api/mesh-policy.ts';
import type { Leaves } from './leaves.ts';
import { milliseconds } from './milliseconds.ts';
import { present } from './present.ts';

/** What holds for a backend, whichever route leads there; undefined: nothing but defaults. */
export function backendTraffic(leaves: Leaves): BackendTraffic | undefined {
  return present({ connectMs: milliseconds(leaves['timeout.connect']?.value), ...groupPolicy(leaves) });
}

/** All but the routes; undefined: nothing but defaults. */
export function destinationTraffic(
  leaves: Leaves,
  routes: DestinationTraffic['routes'],
): DestinationTraffic | undefined {
  return present({
    routes,
    timeout: present({
      connectMs: milliseconds(leaves['timeout.connect']?.value),
      requestMs: milliseconds(leaves['timeout.request']?.value),
      idleMs: milliseconds(leaves['timeout.idle']?.value),
    }),
    retryBudget: present({
      percent: leaves['retryBudget.percent']?.value,
      minPerSecond: leaves['retryBudget.minPerSecond']?.value,
    }),
    ...groupPolicy(leaves),
  });
}

function groupPolicy(leaves: Leaves) {
  return {
    loadBalancing: loadBalancing(leaves),
    circuitBreaker: present({
      maxConnections: leaves['circuitBreaker.maxConnections']?.value,
      maxPendingRequests: leaves['circuitBreaker.maxPendingRequests']?.value,
      maxRequests: leaves['circuitBreaker.maxRequests']?.value,
      maxRetries: leaves['circuitBreaker.maxRetries']?.value,
    }),
    outlierDetection: outlierDetection(leaves),
    healthCheck: healthCheck(leaves.healthCheck?.value),
  };
}

function loadBalancing(leaves: Leaves): LoadBalancing | undefined {
  const hash = leaves['loadBalancing.hash']?.value;
  return present({
    algorithm: leaves['loadBalancing.algorithm']?.value,
    locality: leaves['loadBalancing.locality']?.value,
    slowStartMs: milliseconds(leaves['loadBalancing.slowStart']?.value),
    hash: hash && compiledHash(hash),
  });
}

function compiledHash({
  type,
  header,
}: NonNullable<NonNullable<Traffic['loadBalancing']>['hash']>): NonNullable<LoadBalancing['hash']> {
  return type === 'Header' ? { type, header: header!.toLowerCase() } : { type: 'Source' };
}

function outlierDetection(leaves: Leaves): OutlierDetectionPolicy | undefined {
  return present({
    consecutiveErrors: leaves['outlierDetection.consecutiveErrors']?.value,
    intervalMs: milliseconds(leaves['outlierDetection.interval']?.value),
    baseEjectionMs: milliseconds(leaves['outlierDetection.baseEjection']?.value),
    maxEjectedPercent: leaves['outlierDetection.maxEjectedPercent']?.value,
    successRate: leaves['outlierDetection.successRate']?.value,
  });
}

function healthCheck(check: Traffic['healthCheck']): HealthCheckPolicy | undefined {
  if (check === undefined) return undefined;
  const { path, grpc, interval, timeout, unhealthyAfter, healthyAfter } = check;
  const times = { intervalMs: milliseconds(interval), timeoutMs: milliseconds(timeout) };
  const optional = present({ ...times, unhealthyAfter, healthyAfter });
  return path === undefined ? { grpc: grpc ?? {}, ...optional } : { path, ...optional };
}

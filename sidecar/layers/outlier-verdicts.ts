import type { ErrorCode } from '../../api/errors.ts';
import type { Host } from '../balancers/host.ts';

/** Envoy's `success_rate_request_volume`: fewer results in an interval say nothing of a host. */
const LEAST_RESULTS = 100;
/** Equal rates are not told apart by the rounding of their mean. */
const ROUNDING = 1e-9;

/** An answer that speaks against its host: 5xx. A 4xx, `denied` and `rate-limited` speak of the caller. */
export function isFailureStatus(status: number): boolean {
  return status >= 500 && status <= 599;
}

/** Says that the host is not there or not what it should be, whatever the request was. */
export function isHostFailure(code: ErrorCode): boolean {
  switch (code) {
    case 'connect-failure':
    case 'identity-mismatch':
    case 'upstream-reset':
    case 'upstream-protocol':
      return true;
    default:
      return false;
  }
}

/**
 * The hosts whose share of successes is lower than the mean of all by `factor` standard deviations, worst
 * first; none when fewer than `minimumHosts` had enough results. As Envoy's success rate detection:
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
export function lowSuccessRates(hosts: readonly Host[], minimumHosts: number, factor: number): Host[] {
  const judged = hosts.filter(
    (host) => !host.isEjected && host.intervalSuccesses + host.intervalFailures >= LEAST_RESULTS,
  );
  if (judged.length === 0 || judged.length < minimumHosts) return [];
  const mean = judged.reduce((sum, host) => sum + rateOf(host), 0) / judged.length;
  const variance = judged.reduce((sum, host) => sum + (rateOf(host) - mean) ** 2, 0) / judged.length;
  const least = mean - factor * Math.sqrt(variance) - ROUNDING;
  return judged.filter((host) => rateOf(host) < least).sort((one, other) => rateOf(one) - rateOf(other));
}

function rateOf(host: Host): number {
  return host.intervalSuccesses / (host.intervalSuccesses + host.intervalFailures);
}

import type { Balancer } from './balancer.ts';
import type { Host } from './host.ts';
import { TwoChoices } from './two-choices.ts';

/** After this long without news, 37 % of what was known of a latency still counts. */
const DECAY_TIME_MS = 10_000;
/** Differences below this are the noise of our own loop; and 0 is taken for unknown. */
const MIN_LATENCY_MS = 0.5;
/** Twice the cost is chosen one time in nine, ten times one in a thousand. */
const SOFTNESS = 3;
/** Dearer than any latency times any number of requests that occurs, so that only the unknown compare. */
const UNKNOWN_PENALTY = 1e15;
/** How long a host that has answered nothing yet is left alone after an attempt that told us nothing. */
const UNKNOWN_RETRY_MS = 1_000;

/**
 * Of two hosts the one with the lower peak-EWMA latency × (1 + requests in flight for its weight), as
 * Finagle and Linkerd do: a rise counts at once, a fall only as fast as the average decays, and a host that
 * gets no requests is forgiven with time, so that it is tried again. Latencies are estimates, so the lower one is
 * not taken always: with one request at a time an endpoint a little slower would get none.
 */
export function peakEwma(random: () => number): Balancer {
  return new TwoChoices(random, cost, SOFTNESS);
}

/**
 * Takes in one time to the response head. `undefined`: the attempt ended without one (not reached, given up);
 * this says nothing of the latency. Callers count a timeout as the time waited.
 */
export function observe(host: Host, nowMs: number, latencyMs: number | undefined): void {
  if (latencyMs === undefined) {
    if (host.latencyMs === 0) host.latencyAtMs = nowMs;
    return;
  }
  const observed = Math.max(latencyMs, MIN_LATENCY_MS);
  // samples come at irregular intervals: the weight of what is known follows from the time passed (Eckner 2012)
  const kept = Math.exp(-elapsedMs(host, nowMs) / DECAY_TIME_MS);
  const isPeak = host.latencyMs === 0 || observed > host.latencyMs;
  host.latencyMs = isPeak ? observed : host.latencyMs * kept + observed * (1 - kept);
  host.latencyAtMs = nowMs;
}

/** Latency and requests in flight of one host as one figure; `share` is its weight over the mean weight. */
export function cost(host: Host, share: number, nowMs: number): number {
  if (host.latencyMs === 0) return unknownCost(host, share, nowMs);
  const latencyMs = host.latencyMs * Math.exp(-elapsedMs(host, nowMs) / DECAY_TIME_MS);
  return latencyMs * (1 + host.active / share);
}

/**
 * A host we know nothing of gets one request at once, and no second before that is answered unless the other
 * choice is as unknown. One that only ever fails would otherwise look like the cheapest and draw all requests.
 */
function unknownCost(host: Host, share: number, nowMs: number): number {
  const isDue = host.latencyAtMs === 0 || elapsedMs(host, nowMs) >= UNKNOWN_RETRY_MS;
  return host.active === 0 && isDue ? 0 : UNKNOWN_PENALTY * (1 + host.active / share);
}

/** Never negative, though clocks may be. */
function elapsedMs(host: Host, nowMs: number): number {
  return Math.max(0, nowMs - host.latencyAtMs);
}

import type { Host } from './host.ts';

/** Of its weight, what a host gets at first: enough to warm up with. Envoy's minimum as well. */
const INITIAL_SHARE = 0.1;
const STEPS = 10;
const MIN_STEP_MS = 50;

/** The weight of a host `slowStartMs` after it was listed, or sooner: from 10 % of it in a straight line. */
export function rampedWeight(host: Host, slowStartMs: number, nowMs: number): number {
  if (!isYoung(host, slowStartMs, nowMs)) return host.weight;
  const grown = Math.max(0, nowMs - host.sinceMs) / slowStartMs;
  return host.weight * Math.max(INITIAL_SHARE, grown);
}

/** Whether its weight still grows. */
export function isYoung(host: Host, slowStartMs: number, nowMs: number): boolean {
  return host.startsSlowly && nowMs - host.sinceMs < slowStartMs;
}

/** How long to wait before weights are looked at again. */
export function rampStepMs(slowStartMs: number): number {
  return Math.max(MIN_STEP_MS, Math.ceil(slowStartMs / STEPS));
}

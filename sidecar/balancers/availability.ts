import type { Host } from './host.ts';

/** Envoy's default as well. */
export const DEFAULT_PANIC_PERCENT = 50;

export interface Availability {
  /** those to choose among */
  readonly hosts: readonly Host[];
  /** how many the verdicts leave */
  readonly usable: number;
  /** the verdicts were not believed, and all are used */
  readonly isPanicking: boolean;
}

/**
 * The hosts that health checks and outlier detection leave. When these are fewer than `panicPercent` of all,
 * the fault is more likely with us, the network or a dependency of all of them, and sending everything to the
 * few that are left would bring those down too: then all are used. 0 turns that off.
 */
export function availableOf(hosts: readonly Host[], panicPercent: number): Availability {
  const usable = hosts.filter(isUsable);
  if (usable.length === hosts.length) return { hosts, usable: hosts.length, isPanicking: false };
  const isPanicking = usable.length * 100 < panicPercent * hosts.length;
  return { hosts: isPanicking ? hosts : usable, usable: usable.length, isPanicking };
}

function isUsable(host: Host): boolean {
  return host.healthy && !host.isEjected;
}

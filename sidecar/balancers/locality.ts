import type { Host } from './host.ts';

/**
 * How much of a caller's traffic stays in its own zone.
 *
 * What the zone can carry: as Envoy's zone-aware routing, on the assumption that callers are spread evenly over
 * the zones, since a sidecar does not see the other callers. A zone with its fair part of the usable weight
 * keeps everything; one with less keeps in proportion, after an allowance of 1.4 (Envoy's overprovisioning
 * factor), so that a few hosts out of use do not send traffic abroad at once.
 *
 * What the zone does carry: as HAZL of Buoyant's Linkerd, where more than two requests in flight for each host
 * of the zone bring in the others. Here the part that is over spills, so there is no switching to and fro. This is
 * what protects a single local host when all callers happen to sit in its zone.
 *
 * It never falls below an even spread over all hosts.
 */
const OVERPROVISIONING = 1.4;
const MAX_ACTIVE_PER_HOST = 2;

export interface Split {
  readonly local: readonly Host[];
  readonly remote: readonly Host[];
  /** distinct zones, the caller's among them */
  readonly zones: number;
}

/** Hosts without a zone are remote. */
export function splitByZone(hosts: readonly Host[], zone: string): Split {
  const local: Host[] = [];
  const remote: Host[] = [];
  const zones = new Set<string | undefined>([zone]);
  for (const host of hosts) {
    (host.endpoint.zone === zone ? local : remote).push(host);
    zones.add(host.endpoint.zone);
  }
  return { local, remote, zones: zones.size };
}

/** `evenShare` is the local part of the usable weight, in [0, 1]. */
export function capacityShare(evenShare: number, zones: number): number {
  return Math.min(1, evenShare * zones * OVERPROVISIONING);
}

/** `share` is what the zone can carry; `active` are the caller's requests in flight to its `hosts` local hosts. */
export function loadedShare(share: number, evenShare: number, active: number, hosts: number): number {
  const nominal = MAX_ACTIVE_PER_HOST * hosts;
  return active <= nominal ? share : Math.max(evenShare, (share * nominal) / active);
}

import type { Egress } from '../../api/mesh-policy.ts';
import type { Egress as CompiledEgress } from '../../api/proxy-config.ts';
import { normalHost } from './rule.ts';

export type EgressHosts = CompiledEgress['hosts'];
type EgressHost = EgressHosts[number];

/** In the order in which they are written: the first that matches decides. */
export function compileHosts(hosts: NonNullable<Egress['hosts']>): EgressHosts {
  return hosts.map(({ host, ports, tls }) => ({
    host: normalHost(host),
    ...(ports && { ports: [...ports].sort((a, b) => a - b) }),
    tls: tls ?? 'Passthrough',
  }));
}

/**
 * What both lists let through, of each the first that matches deciding; TLS is originated where the list or the
 * ceiling says so.
 */
export function within(hosts: EgressHosts, ceiling: EgressHosts): EgressHosts {
  const common = hosts.flatMap((host) => withinCeiling(host, ceiling));
  return [...new Map(common.map((each) => [JSON.stringify(each), each])).values()];
}

function withinCeiling(host: EgressHost, ceiling: EgressHosts): EgressHost[] {
  const common: EgressHost[] = [];
  for (const bound of ceiling) {
    const each = intersection(host, bound);
    if (each !== undefined) common.push(each);
    if (each !== undefined && isWhole(each, host)) break;
  }
  return common;
}

function intersection(host: EgressHost, bound: EgressHost): EgressHost | undefined {
  const name = narrower(host.host, bound.host);
  const ports = commonPorts(host.ports, bound.ports);
  if (name === undefined || ports?.length === 0) return undefined;
  const tls = bound.tls === 'Originate' ? 'Originate' : host.tls;
  return { host: name, ...(ports && { ports }), tls };
}

function isWhole(part: EgressHost, { host, ports }: EgressHost): boolean {
  return part.host === host && part.ports?.length === ports?.length;
}

/** Of two patterns of which one is within the other; others have nothing in common. */
function narrower(a: string, b: string): string | undefined {
  if (isHostWithin(a, b)) return a;
  return isHostWithin(b, a) ? b : undefined;
}
/** Whether every name of the first is one of the second; `*.` stands for one or more labels. */
export function isHostWithin(host: string, pattern: string): boolean {
  return host === pattern || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)));
}

function commonPorts(a: number[] | undefined, b: number[] | undefined): number[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter((port) => b.includes(port));
}

import type { Endpoint } from '../../api/destination.ts';
import type { Balancer } from './balancer.ts';
import { hash32 } from './hash.ts';
import { Host } from './host.ts';

/** Endpoints at 10.0.0.0, 10.0.0.1 and so on, all alike but for `fields`. */
export function endpointsOf(count: number, fields: Partial<Endpoint> = {}): Endpoint[] {
  return Array.from({ length: count }, (_, index) => ({
    address: `10.${(index >>> 16) & 255}.${(index >>> 8) & 255}.${index & 255}`,
    port: 8080,
    ...fields,
  }));
}

export function hostsOf(count: number): Host[] {
  return endpointsOf(count).map((endpoint) => new Host(endpoint, 0));
}

export function equalWeights(hosts: readonly Host[]): Float64Array {
  return new Float64Array(hosts.length).fill(1);
}

/** Spread over all 32-bit integers, the same for the same `index`. */
export function hashOf(index: number): number {
  return hash32(`key-${index}`, 0);
}

/** Of `picks` requests that end at once, the part each host got. */
export function sharesOf(balancer: Pick<Balancer, 'pick'>, picks: number): Map<Host, number> {
  const shares = new Map<Host, number>();
  for (let index = 0; index < picks; index += 1) {
    const host = balancer.pick(0, hashOf(index), []);
    if (host !== undefined) shares.set(host, (shares.get(host) ?? 0) + 1 / picks);
  }
  return shares;
}

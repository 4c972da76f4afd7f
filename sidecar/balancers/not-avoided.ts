import type { Host } from './host.ts';

/**
 * The index of the first host from `start` on, around the end, that is not in `avoid`; -1 when all are. Hosts
 * are distinct, so it looks at one host more than `avoid` has at most, however many hosts there are.
 */
export function notAvoidedFrom(start: number, hosts: readonly Host[], avoid: readonly Host[]): number {
  const looks = Math.min(hosts.length, avoid.length + 1);
  for (let look = 0; look < looks; look += 1) {
    const index = (start + look) % hosts.length;
    if (!avoid.includes(hosts[index] as Host)) return index;
  }
  return -1;
}

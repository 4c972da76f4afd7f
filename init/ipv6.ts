import { readFile } from 'node:fs/promises';

/**
 * How far IPv6 is on in this network namespace. `LinkLocal`: only neighbours on the same link reach the pod by
 * it. `Global`: the pod has an address that others route to.
 */
export type Ipv6State = 'Off' | 'LinkLocal' | 'Global';

/**
 * Reads the text of /proc/net/if_inet6, one address a line: address, interface index, prefix length, scope,
 * flags (hexadecimal), interface (kernel, net/ipv6/addrconf.c). Loopback does not count.
 */
export function ipv6State(ifInet6: string): Ipv6State {
  const scopes = ifInet6
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length >= 6 && fields[5] !== 'lo')
    .map((fields) => fields[3]);
  if (scopes.length === 0) return 'Off';
  return scopes.every((scope) => scope === '20') ? 'LinkLocal' : 'Global';
}

/** A missing file means a kernel without IPv6. */
export async function readIpv6State(): Promise<Ipv6State> {
  try {
    return ipv6State(await readFile('/proc/net/if_inet6', 'utf8'));
  } catch {
    return 'Off';
  }
}

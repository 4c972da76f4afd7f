import { networkInterfaces } from 'node:os';

export type OwnAddresses = (address: string) => boolean;

const REFRESH_MS = 1_000;

/**
 * Whether an address is one of this pod's, loopback excepted: inbound forwards to no other. Read again when
 * an address is not known, at most once a second, since interfaces may come up after the proxy.
 */
export function ownAddresses(nowMs: () => number, interfaces = networkInterfaces): OwnAddresses {
  let known = readAddresses(interfaces);
  let readMs = nowMs();
  return (address) => {
    if (known.has(address)) return true;
    if (nowMs() - readMs < REFRESH_MS) return false;
    known = readAddresses(interfaces);
    readMs = nowMs();
    return known.has(address);
  };
}

function readAddresses(interfaces: typeof networkInterfaces): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const list of Object.values(interfaces())) {
    for (const { address, internal } of list ?? []) if (!internal) addresses.add(address);
  }
  return addresses;
}

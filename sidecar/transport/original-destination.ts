import type { Channel } from './channel.ts';
import type { SocketAddress } from './socket-address.ts';
import { loadGetSockOpt } from './socket-option.ts';

/** Where a redirected connection was going; undefined: it was not redirected. */
export type OriginalDestination = (channel: Channel) => SocketAddress | undefined;

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST (linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h). */
const ORIGINAL_DST = 80;
const SOCKADDR_IN6_BYTES = 28;

/**
 * Asks conntrack for the original destination with getsockopt. Loads koffi when called, since without
 * redirection (explicit listeners) it is not needed.
 */
export function loadOriginalDestination(): OriginalDestination {
  const getsockopt = loadGetSockOpt();
  return (channel) => {
    const { fd } = channel;
    if (fd < 0) return undefined;
    const own = channel.localAddress;
    const isV6 = own.address.includes(':');
    const value = Buffer.alloc(SOCKADDR_IN6_BYTES);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(isV6 ? SOCKADDR_IN6_BYTES : 16);
    if (getsockopt(fd, isV6 ? SOL_IPV6 : SOL_IP, ORIGINAL_DST, value, length) !== 0) return undefined;
    const original = isV6 ? readSockaddrIn6(value) : readSockaddrIn(value);
    // conntrack knows connections that were not redirected too: those were going where they are
    const isHere = original.port === own.port && original.address === own.address;
    return isHere ? undefined : original;
  };
}

/** struct sockaddr_in: family, port (network order), four address bytes. */
export function readSockaddrIn(value: Buffer): SocketAddress {
  return { address: value.subarray(4, 8).join('.'), port: value.readUInt16BE(2) };
}

/** struct sockaddr_in6: family, port (network order), flow, sixteen address bytes. */
export function readSockaddrIn6(value: Buffer): SocketAddress {
  const groups: string[] = [];
  for (let at = 8; at < 24; at += 2) groups.push(value.readUInt16BE(at).toString(16));
  return { address: compressIPv6(groups), port: value.readUInt16BE(2) };
}

/** The longest run of zero groups, of two or more, becomes `::` (RFC 5952 4.2). */
export function compressIPv6(groups: readonly string[]): string {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === '0') length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

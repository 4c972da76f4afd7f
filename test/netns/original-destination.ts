import type { Socket } from 'node:net';
import koffi from 'koffi';

/**
 * Where a redirected connection was going before iptables took it, as host:port or [host]:port; undefined when
 * it was not redirected. SO_ORIGINAL_DST: linux/netfilter_ipv4.h and netfilter_ipv6/ip6_tables.h.
 */
export function originalDestination(socket: Socket): string | undefined {
  const v6 = socket.remoteFamily === 'IPv6';
  const address = Buffer.alloc(28);
  const length = Buffer.alloc(4);
  length.writeInt32LE(v6 ? 28 : 16);
  const SOL_IP = 0;
  const SOL_IPV6 = 41;
  const SO_ORIGINAL_DST = 80;
  if (getsockopt(descriptor(socket), v6 ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, address, length) !== 0) {
    return undefined;
  }
  const port = address.readUInt16BE(2);
  if (!v6) return `${[...address.subarray(4, 8)].join('.')}:${port}`;
  const groups = Array.from({ length: 8 }, (_, index) => address.readUInt16BE(8 + index * 2).toString(16));
  return `${new URL(`http://[${groups.join(':')}]`).hostname}:${port}`;
}

const getsockopt = koffi
  .load(null)
  .func('int getsockopt(int fd, int level, int name, void *value, void *length)');

function descriptor(socket: Socket): number {
  // Node has no public way to a socket's file descriptor.
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

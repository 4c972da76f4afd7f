import { isIPv4, isIPv6 } from 'node:net';

export type Family = 'IPv4' | 'IPv6';

export interface Cidr {
  readonly family: Family;
  /** as iptables-save prints it: host bits cleared, IPv6 compressed, always with a length */
  readonly text: string;
}

/**
 * Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; returns undefined for anything else. IPv6 text form:
 * RFC 5952.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  const bits = bytes.length * 8;
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return undefined;
  const masked = bytes.map((byte, index) => byte & keepBits(prefix - index * 8));
  return bits === 32
    ? { family: 'IPv4', text: `${masked.join('.')}/${prefix}` }
    : { family: 'IPv6', text: `${formatIpv6(masked)}/${prefix}` };
}

/** A mask of one byte that keeps its first bits. */
function keepBits(count: number): number {
  return (0xff00 >> Math.min(8, Math.max(0, count))) & 0xff;
}

function parseAddress(text: string): number[] | undefined {
  if (isIPv4(text)) return text.split('.').map(Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  return parseIpv6(text);
}

function parseIpv6(text: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain =
    dotted === null ? text : `${dotted[1]}${hexPair(dotted[2], dotted[3])}:${hexPair(dotted[4], dotted[5])}`;
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function hexPair(high: string | undefined, low: string | undefined): string {
  return (Number(high) * 256 + Number(low)).toString(16);
}

/** As inet_ntop prints it, which is what iptables-save uses: mapped and compatible addresses end in dots. */
function formatIpv6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes[index * 2]! * 256 + bytes[index * 2 + 1]!);
  const zeros = longestZeros(groups);
  const dots = bytes.slice(12).join('.');
  if (zeros.start === 0 && zeros.length === 6) return `::${dots}`;
  if (zeros.start === 0 && zeros.length === 5 && groups[5] === 0xffff) return `::ffff:${dots}`;
  const hex = groups.map((group) => group.toString(16));
  if (zeros.length < 2) return hex.join(':');
  return `${hex.slice(0, zeros.start).join(':')}::${hex.slice(zeros.start + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

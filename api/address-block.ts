import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Whether an address is inside; IPv4 in its own form, not mapped into IPv6. What is no address is in none. */
export type AddressBlock = (address: string) => boolean;

const MAPPED = new BlockList();
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6');

/**
 * Throws on what is not an address with a prefix length. IPv4 blocks match IPv4 only, IPv6 blocks IPv6 only; a block
 * of IPv4-mapped addresses (RFC 4291 2.5.5.2) is the IPv4 block, since callers are known by their IPv4 address.
 * CIDR notation: RFC 4632 section 3.1, RFC 4291 section 2.3.
 */
export function addressBlock(block: string): AddressBlock {
  const match = /^([0-9A-Fa-f:.]+)\/([0-9]{1,3})$/.exec(block);
  const address = match?.[1] ?? '';
  const prefix = Number(match?.[2]);
  const isV4 = isIPv4(address);
  if (match === null || (!isV4 && !isIPv6(address)) || prefix > (isV4 ? 32 : 128)) {
    throw new Error(`not an address block: ${block}`);
  }
  if (isV4) return inIPv4Block(address, prefix);
  const isMapped = prefix >= 96 && MAPPED.check(address, 'ipv6');
  return isMapped ? inMappedBlock(address, prefix) : inIPv6Block(address, prefix);
}

/** By number: a connection may meet a thousand blocks, and each look into a `BlockList` parses the address anew. */
function inIPv4Block(address: string, prefix: number): AddressBlock {
  const size = 2 ** (32 - prefix);
  const block = Math.floor(parseIPv4(address) / size);
  return (asked) => {
    const value = parseIPv4(asked);
    return value !== -1 && Math.floor(value / size) === block;
  };
}

function inIPv6Block(address: string, prefix: number): AddressBlock {
  const blocks = new BlockList();
  blocks.addSubnet(address, prefix, 'ipv6');
  return (asked) => isIPv6(asked) && blocks.check(asked, 'ipv6');
}

function inMappedBlock(address: string, prefix: number): AddressBlock {
  const blocks = new BlockList();
  blocks.addSubnet(address, prefix, 'ipv6');
  return (asked) => isIPv4(asked) && blocks.check(asked, 'ipv4');
}

/** -1 for what is not four decimal numbers without leading zeros. */
export function parseIPv4(text: string): number {
  let value = 0;
  let octet = -1;
  let dots = 0;
  // the longest has 15 characters
  if (text.length > 15) return -1;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit === DOT && octet !== -1) {
      value = value * 256 + octet;
      octet = -1;
      dots += 1;
    } else if (digit >= 0 && digit <= 9 && octet !== 0) {
      octet = octet === -1 ? digit : octet * 10 + digit;
      if (octet > 255) return -1;
    } else return -1;
  }
  return dots === 3 && octet !== -1 ? value * 256 + octet : -1;
}

const DOT = 0x2e - 0x30;

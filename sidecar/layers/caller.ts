/** Who is at the other end of an inbound connection. */
export interface Caller {
  /** absent: no identity was proven */
  readonly spiffeId: string | undefined;
  readonly trustDomain: string | undefined;
  readonly namespace: string | undefined;
  readonly serviceAccount: string | undefined;
  /** source address; IPv4 in its own form, not mapped into IPv6 */
  readonly address: string;
}

export function anonymous(address: string): Caller {
  return {
    spiffeId: undefined,
    trustDomain: undefined,
    namespace: undefined,
    serviceAccount: undefined,
    address,
  };
}

/** `::ffff:10.0.0.1` is 10.0.0.1. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/**
 * By what callers are told apart where their requests are counted: their identity, else their address. Of IPv6 its /64,
 * the smallest network there is (RFC 4291 section 2.5.1): who has one address in it has all the others.
 */
export function sourceOf({ spiffeId, address }: Caller): string {
  if (spiffeId !== undefined) return spiffeId;
  return address.includes(':') ? networkOf(address) : address;
}

const GROUPS = 8;
const NETWORK_GROUPS = 4;

/** `2001:db8:0:7::/64` of any address in it, however it is written. */
function networkOf(address: string): string {
  const [head = '', tail] = address.split('%', 1)[0]!.split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  // a dotted end stands for two groups
  const given = before.length + after.length + (address.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, GROUPS - given) }, () => '0');
  const network = [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

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

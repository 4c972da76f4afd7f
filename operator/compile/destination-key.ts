import { isIP, isIPv6 } from 'node:net';

export interface DestinationKey {
  /** an IP address without brackets, or `<namespace>/<service>` */
  readonly host: string;
  readonly port: number;
  readonly isAddress: boolean;
}

const KEY_MAX_LENGTH = 320;
const FORM = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]]+)):([0-9]{1,5})$/;
const NAME = /^[a-z0-9][-a-z0-9.]*\/[a-z0-9][-a-z0-9.]*$/;

/** `10.0.0.1:80`, `[fd00::1]:80` or `shop/payments:80`; undefined for anything else. */
export function parseDestinationKey(key: string): DestinationKey | undefined {
  const match = key.length > KEY_MAX_LENGTH ? null : FORM.exec(key);
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const host = bracketed ?? plain!;
  const port = Number(digits);
  if (port < 1 || port > 65535) return undefined;
  const isAddress = bracketed === undefined ? isIP(host) === 4 : isIPv6(host);
  if (!isAddress && (bracketed !== undefined || !NAME.test(host))) return undefined;
  return { host, port, isAddress };
}

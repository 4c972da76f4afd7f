import type { Issuer } from '../../api/proxy-config.ts';
import type { Fields } from '../http1/fields.ts';

/** Longer tokens are not looked at. */
export const MAX_TOKEN_LENGTH = 8 * 1024;

/** Where a token is not: the field says something else, or there is none. */
export const NO_TOKEN = '';
/** Two lines of one field: nobody knows which one the app reads. */
export const AMBIGUOUS = undefined;

/** A header field in which tokens are looked for, and whose tokens it may hold. */
export class TokenLocation {
  /** lower case */
  readonly header: string;
  readonly issuers: readonly Issuer[];

  constructor(header: string, issuers: readonly Issuer[]) {
    this.header = header;
    this.issuers = issuers;
  }

  /** The token as it was sent, NO_TOKEN or AMBIGUOUS. `Bearer` without a token is a space, which is no token's. */
  read(fields: Fields): string | undefined {
    const value = fields.get(this.header);
    if (value === undefined) return NO_TOKEN;
    if (fields.getAll(this.header).length > 1) return AMBIGUOUS;
    const scheme = value.slice(0, BEARER.length).toLowerCase();
    const after = value.charAt(BEARER.length);
    // RFC 6750 section 2.1; the scheme in any case (RFC 9110 section 11.1)
    if (scheme === BEARER && (after === '' || after === ' ')) {
      return value.slice(BEARER.length).trimStart() || ' ';
    }
    return this.header === 'authorization' ? NO_TOKEN : value;
  }
}

const BEARER = 'bearer';

/** Every field in which some issuer's tokens may be, in the order of the issuers. */
export function locationsOf(issuers: readonly Issuer[]): TokenLocation[] {
  const names = new Set(issuers.flatMap(headersOf));
  return [...names].map(
    (header) =>
      new TokenLocation(
        header,
        issuers.filter((issuer) => headersOf(issuer).includes(header)),
      ),
  );
}

function headersOf({ fromHeaders }: Issuer): readonly string[] {
  return fromHeaders ?? ['authorization'];
}

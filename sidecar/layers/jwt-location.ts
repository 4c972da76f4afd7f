import type { Issuer } from '../../api/proxy-config.ts';
import { TOKEN } from '../http1/characters.ts';
import { isAlikeAt, mayHaveAlikes } from '../http1/field-names.ts';
import type { Fields } from '../http1/fields.ts';

/** Longer tokens are not looked at. */
export const MAX_TOKEN_LENGTH = 8 * 1024;

/** Where a token is not: the field says something else, or there is none. */
export const NO_TOKEN = '';
/** Two lines of one field: nobody knows which one the app reads. */
export const AMBIGUOUS = undefined;

const NO_ALIKES: readonly string[] = [];

/**
 * A header field in which tokens are looked for, and whose tokens it may hold. A field that apps behind gateways do not
 * tell from it (`x_jwt` for `x-jwt`, RFC 3875 4.1.18) is taken for it.
 */
export class TokenLocation {
  /** lower case */
  readonly header: string;
  readonly issuers: readonly Issuer[];
  readonly #mayHaveAlikes: boolean;
  readonly #isIt: (name: string) => boolean;

  constructor(header: string, issuers: readonly Issuer[]) {
    this.header = header;
    this.#mayHaveAlikes = mayHaveAlikes(header);
    this.#isIt = (name) => name.length === header.length && isAlikeAt(name, 0, header);
    this.issuers = issuers;
  }

  /** The token as it was sent, NO_TOKEN or AMBIGUOUS. `Bearer` without a token is a space, which is no token's. */
  read(fields: Fields): string | undefined {
    const sent = fields.get(this.header);
    const alikes = this.#mayHaveAlikes ? fields.getAlikes(this.header) : NO_ALIKES;
    const value = sent ?? alikes[0];
    if (value === undefined) return NO_TOKEN;
    if (alikes.length > (sent === undefined ? 1 : 0) || fields.isRepeated(this.header)) return AMBIGUOUS;
    const scheme = value.slice(0, BEARER.length).toLowerCase();
    // RFC 6750 section 2.1; the scheme in any case (RFC 9110 section 11.1). Apps also take other blanks for the space
    if (scheme === BEARER && TOKEN[value.charCodeAt(BEARER.length)] !== 1) {
      return value.slice(BEARER.length).trimStart() || ' ';
    }
    return this.header === 'authorization' ? NO_TOKEN : value;
  }

  /** Takes the field out, under whatever name it came. */
  remove(fields: Fields): void {
    if (this.#mayHaveAlikes) fields.removeWhere(this.#isIt);
    else fields.remove(this.header);
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

import type { Issuer, When } from '../../api/proxy-config.ts';

/** A token whose signature, issuer, audience and time were checked. */
export interface VerifiedToken {
  /** the issuer whose keys verified it */
  readonly source: Issuer;
  readonly claims: Readonly<Record<string, unknown>>;
  /** wall clock, the allowed skew included */
  readonly validUntilMs: number;
  /** SHA-256, so that the token itself is not kept */
  readonly digest: string;
}
export type VerifiedTokens = readonly VerifiedToken[];
export const NO_TOKENS: VerifiedTokens = [];

/** A token of the issuer must be there, and all claims must have one of their values. */
export class CompiledWhen {
  readonly #issuer: string;
  readonly #claims: readonly CompiledClaim[];

  constructor({ jwt: { issuer, claims } }: When) {
    this.#issuer = issuer;
    this.#claims = (claims ?? []).map(({ name, values }) => ({
      name,
      path: name.split('.'),
      values: new Set(values),
    }));
  }

  matches(tokens: VerifiedTokens): boolean {
    for (let i = 0; i < tokens.length; i += 1) {
      const { source, claims } = tokens[i]!;
      if (source.issuer === this.#issuer && this.#holdsFor(claims)) return true;
    }
    return false;
  }

  /** What is missing when it does not match, in the policy's words: of what a token says nothing is told. */
  lack(tokens: VerifiedTokens): string {
    if (tokens.length === 0) return 'no token came with it';
    const token = tokens.find(({ source }) => source.issuer === this.#issuer);
    if (token === undefined) return `no token of issuer ${this.#issuer} came with it`;
    const missing = this.#claims.find((claim) => !hasOneOf(claim, claimIn(claim, token.claims)));
    return missing === undefined
      ? ''
      : `the claim ${missing.name} of its token has no value that is asked for`;
  }

  #holdsFor(token: VerifiedToken['claims']): boolean {
    for (let i = 0; i < this.#claims.length; i += 1) {
      const claim = this.#claims[i]!;
      if (!hasOneOf(claim, claimIn(claim, token))) return false;
    }
    return true;
  }
}

interface CompiledClaim {
  readonly name: string;
  readonly path: readonly string[];
  readonly values: ReadonlySet<string>;
}

/** A name with dots is looked for as it is written, and only then as a path through objects. */
function claimIn({ name, path }: CompiledClaim, claims: VerifiedToken['claims']): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (let i = 0; i < path.length; i += 1) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    if (!Object.hasOwn(value, path[i]!)) return undefined;
    value = (value as Record<string, unknown>)[path[i]!];
  }
  return value;
}

function hasOneOf({ name, values }: CompiledClaim, value: unknown): boolean {
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) if (isOneOf(values, value[i])) return true;
    return false;
  }
  if (isOneOf(values, value)) return true;
  // RFC 8693 section 4.2: one string, the scopes separated by spaces
  return name === 'scope' && typeof value === 'string' && value.split(' ').some((scope) => values.has(scope));
}

function isOneOf(values: ReadonlySet<string>, value: unknown): boolean {
  if (typeof value === 'string') return values.has(value);
  return (typeof value === 'number' || typeof value === 'boolean') && values.has(String(value));
}

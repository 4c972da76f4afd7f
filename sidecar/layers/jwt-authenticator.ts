import { hash } from 'node:crypto';
import type { Issuer } from '../../api/proxy-config.ts';
import type { Fields } from '../http1/fields.ts';
import type { Verified, verifyToken } from '../optional/jwt.ts';
import { loadJwt } from '../optional/load.ts';
import { TokenCache } from './jwt-cache.ts';
import type { VerifiedTokens } from './jwt-claims.ts';
import { locationsOf, MAX_TOKEN_LENGTH, NO_TOKEN, type TokenLocation } from './jwt-location.ts';

type Verifier = { readonly verifyToken: typeof verifyToken };

export interface AuthenticatorOptions {
  /** signature checks at the same time, of all ports together */
  readonly maxVerifications?: number;
  /** wall clock, which tokens go by */
  readonly nowMs?: () => number;
  readonly loadVerifier?: () => Verifier;
}

const DEFAULTS: Required<AuthenticatorOptions> = {
  maxVerifications: 256,
  nowMs: Date.now,
  loadVerifier: loadJwt,
};

/** Counts signature checks under way. */
export class VerificationGate {
  running = 0;
}

const MALFORMED: Verified = { ok: false, reason: 'the token is malformed' };
const TOO_LONG: Verified = { ok: false, reason: 'the token is too long' };
const UNVERIFIABLE: Verified = { ok: false, reason: 'the token could not be verified' };

/** Verifies the tokens of some issuers, each token once for as long as it is valid. */
export class TokenAuthenticator {
  readonly locations: readonly TokenLocation[];
  readonly #options: Required<AuthenticatorOptions>;
  readonly #gate: VerificationGate;
  /** one a location: in another field the token may be of other issuers */
  readonly #caches: readonly TokenCache[];
  /** requests that bring the same token wait for one check */
  readonly #pending = new Map<string, Promise<Verified>>();
  readonly #issuers: readonly string[];
  readonly #verifier: Verifier;

  constructor(issuers: readonly Issuer[], gate: VerificationGate, options: AuthenticatorOptions = {}) {
    this.locations = locationsOf(issuers);
    this.#caches = this.locations.map(() => new TokenCache());
    this.#issuers = issuers.map((issuer) => JSON.stringify(issuer));
    this.#options = { ...DEFAULTS, ...options };
    this.#gate = gate;
    this.#verifier = this.#options.loadVerifier();
  }

  /** The verdict when it is known, a promise of it, which never rejects, or that there are too many of them. */
  verify(at: number, token: string): Verified | Promise<Verified> | 'overloaded' {
    if (token.length > MAX_TOKEN_LENGTH) return TOO_LONG;
    if (token === ' ') return MALFORMED;
    const digest = hash('sha256', token, 'base64');
    const known = this.#caches[at]!.get(digest, this.#options.nowMs());
    if (known !== undefined) return known;
    const key = `${at} ${digest}`;
    const pending = this.#pending.get(key);
    if (pending !== undefined) return pending;
    if (this.#gate.running >= this.#options.maxVerifications) return 'overloaded';
    this.#gate.running += 1;
    const verdict = this.#check(at, token, digest).finally(() => {
      this.#gate.running -= 1;
      this.#pending.delete(key);
    });
    this.#pending.set(key, verdict);
    return verdict;
  }

  async #check(at: number, token: string, digest: string): Promise<Verified> {
    const nowMs = this.#options.nowMs();
    try {
      const verdict = await this.#verifier.verifyToken(token, digest, this.locations[at]!.issuers, nowMs);
      this.#caches[at]!.set(digest, verdict, nowMs);
      return verdict;
    } catch {
      return UNVERIFIABLE;
    }
  }

  /**
   * Whether a tunnel may stay whose request had these tokens: issuers that know another key, audience or place
   * now might refuse them, and a token nobody looked at then might be refused now.
   */
  stillAccepts(fields: Fields, tokens: VerifiedTokens): boolean {
    const nowMs = this.#options.nowMs();
    const isAccepted = ({ source, validUntilMs }: VerifiedTokens[number]) =>
      validUntilMs > nowMs && this.#issuers.includes(JSON.stringify(source));
    if (tokens.length > 0) return tokens.every(isAccepted);
    return this.locations.every((location) => location.read(fields) === NO_TOKEN);
  }
}

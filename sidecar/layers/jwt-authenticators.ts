import type { Issuer, ProxyConfig } from '../../api/proxy-config.ts';
import { type AuthenticatorOptions, TokenAuthenticator, VerificationGate } from './jwt-authenticator.ts';

/**
 * The authenticators of one configuration. One whose issuers did not change is kept from the one before, with
 * what it knows about tokens; any other starts from nothing.
 */
export class TokenAuthenticators {
  readonly #issuers: readonly Issuer[];
  readonly #options: AuthenticatorOptions;
  readonly #gate: VerificationGate;
  readonly #known: ReadonlyMap<string, TokenAuthenticator>;
  readonly #used = new Map<string, TokenAuthenticator>();

  constructor(
    config: ProxyConfig,
    previous: TokenAuthenticators | undefined,
    options: AuthenticatorOptions = {},
  ) {
    this.#issuers = config.inbound.issuers ?? [];
    this.#options = options;
    this.#gate = previous === undefined ? new VerificationGate() : previous.#gate;
    this.#known = previous === undefined ? new Map() : previous.#used;
  }

  /** `places` in the list of issuers; undefined: none. Throws when there is no such place. */
  of(places: readonly number[] | undefined): TokenAuthenticator | undefined {
    if (places === undefined) return undefined;
    const issuers = places.map((place) => this.#issuer(place));
    const key = JSON.stringify(issuers);
    const known = this.#used.get(key) ?? this.#known.get(key);
    const authenticator = known ?? new TokenAuthenticator(issuers, this.#gate, this.#options);
    this.#used.set(key, authenticator);
    return authenticator;
  }

  #issuer(place: number): Issuer {
    const issuer = this.#issuers[place];
    if (issuer === undefined) throw new Error(`inbound.ports names issuer ${place}, which is not there`);
    return issuer;
  }
}

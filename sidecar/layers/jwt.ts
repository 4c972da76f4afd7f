import type { Exchange, HttpHandler, HttpLayer } from '../http1/exchange.ts';
import type { Verified } from '../optional/jwt.ts';
import type { TokenAuthenticator } from './jwt-authenticator.ts';
import { NO_TOKEN } from './jwt-location.ts';

/** RFC 6750 section 3.1. */
const INVALID_TOKEN = [['WWW-Authenticate', 'Bearer error="invalid_token"']] as const;

/**
 * Verifies every token that comes with a request. One that is not valid gets 401; a request without any goes on
 * without claims, and the rules decide. A token that was seen before costs no waiting.
 */
export function verifyTokens(authenticator: TokenAuthenticator): HttpLayer {
  return (next) => {
    const check = new TokenCheck(authenticator, next);
    return (exchange) => check.from(exchange, 0);
  };
}

class TokenCheck {
  readonly #authenticator: TokenAuthenticator;
  readonly #next: HttpHandler;

  constructor(authenticator: TokenAuthenticator, next: HttpHandler) {
    this.#authenticator = authenticator;
    this.#next = next;
  }

  /** Looks at the places from `first` on. The body is not read before all are done. */
  from(exchange: Exchange, first: number): void {
    const { locations } = this.#authenticator;
    for (let at = first; at < locations.length; at += 1) {
      const token = locations[at]!.read(exchange.head.fields);
      if (token === NO_TOKEN) continue;
      if (token === undefined) return void refuse(exchange, `more than one field ${locations[at]!.header}`);
      const verdict = this.#authenticator.verify(at, token);
      if (verdict === 'overloaded') return void exchange.answer('overloaded', 'too many tokens to verify');
      if (verdict instanceof Promise) return void this.#wait(exchange, at, verdict);
      if (!this.#accept(exchange, at, verdict)) return;
    }
    this.#next(exchange);
  }

  async #wait(exchange: Exchange, at: number, pending: Promise<Verified>): Promise<void> {
    const verdict = await pending;
    // the client went away, or was too slow
    if (exchange.aborted || exchange.responseEnded) return;
    if (this.#accept(exchange, at, verdict)) this.from(exchange, at + 1);
  }

  #accept(exchange: Exchange, at: number, verdict: Verified): boolean {
    if (!verdict.ok) {
      exchange.trail.policy = verdict.issuer?.policy ?? '';
      exchange.trail.rule = verdict.issuer?.name ?? '';
      refuse(exchange, verdict.reason);
      return false;
    }
    const { token } = verdict;
    const other = exchange.tokens.find(({ source }) => source.issuer === token.source.issuer);
    if (other !== undefined && other.digest !== token.digest) {
      refuse(exchange, `two tokens of issuer ${token.source.name}`);
      return false;
    }
    if (!token.source.forward) this.#authenticator.locations[at]!.remove(exchange.head.fields);
    if (other === undefined) exchange.tokens = [...exchange.tokens, token];
    return true;
  }
}

function refuse(exchange: Exchange, reason: string): void {
  exchange.answer('unauthenticated', reason, INVALID_TOKEN);
}

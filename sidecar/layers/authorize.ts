import type { HttpLayer } from '../http1/exchange.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Authorizer, CallerAuthorizer } from './authorization.ts';
import type { Caller } from './caller.ts';
import { NO_TOKENS, type VerifiedTokens } from './jwt-claims.ts';
import type { Trail } from './trail.ts';

export interface Authorization {
  readonly authorizer: Authorizer;
  readonly caller: Caller;
  readonly telemetry: Telemetry;
}

/** Denied requests get 403. A path servers may read in different ways is refused where rules look at paths. */
export function authorize(authorization: Authorization): HttpLayer {
  const verdicts = new CallerVerdicts(authorization);
  return (next) => (exchange) => {
    const { head, tokens, trail } = exchange;
    if (head.ambiguousPath && authorization.authorizer.looksAtPaths) {
      return exchange.answer('bad-request', 'ambiguous path');
    }
    if (!verdicts.decide(head, tokens, trail)) {
      // for trail and log: the caller is told no more than that it may not
      return exchange.answer('denied', verdicts.whyDenied(head, tokens, trail));
    }
    next(exchange);
  };
}

/** The verdict for a connection that is not parsed as HTTP. */
export function authorizeConnection(authorization: Authorization, trail: Trail): boolean {
  return new CallerVerdicts(authorization).decide(undefined, NO_TOKENS, trail);
}

/** The rules, as far as they are about one caller. */
class CallerVerdicts {
  readonly #telemetry: Telemetry;
  readonly #rules: CallerAuthorizer;

  constructor({ authorizer, caller, telemetry }: Authorization) {
    this.#telemetry = telemetry;
    this.#rules = authorizer.forCaller(caller);
  }

  /** Beyond the rule's name: whether it was for want of a token. */
  whyDenied(head: RequestHead, tokens: VerifiedTokens, { rule }: Trail): string {
    return rule === 'default' ? this.#rules.lackOfToken(head, tokens) : '';
  }

  decide(head: RequestHead | undefined, tokens: VerifiedTokens, trail: Trail): boolean {
    const method = head === undefined ? undefined : head.method;
    const path = head === undefined ? undefined : head.path;
    const decision = this.#rules.decide(method, path, head, tokens);
    trail.verdict = decision.allowed ? 'allowed' : 'denied';
    trail.policy = decision.policy;
    trail.rule = decision.rule;
    this.#telemetry.authorization(decision, 'Enforce');
    const wouldDeny = decision.allowed ? this.#rules.audit(method, path, head, tokens) : undefined;
    if (wouldDeny !== undefined) {
      trail.auditPolicy = wouldDeny.policy;
      trail.auditRule = wouldDeny.rule;
      this.#telemetry.authorization(wouldDeny, 'Audit');
    }
    return decision.allowed;
  }
}

import type { HttpLayer } from '../http1/exchange.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Authorizer, CallerAuthorizer } from './authorization.ts';
import type { Caller } from './caller.ts';
import type { Trail } from './trail.ts';

export interface Authorization {
  /** looked up per request, so that a new configuration holds for open connections too */
  readonly authorizer: () => Authorizer;
  readonly caller: Caller;
  readonly telemetry: Telemetry;
}

/** Denied requests get 403. A path servers may read in different ways is refused where rules look at paths. */
export function authorize(authorization: Authorization): HttpLayer {
  const verdicts = new CallerVerdicts(authorization);
  return (next) => (exchange) => {
    const { method, path, ambiguousPath } = exchange.head;
    if (ambiguousPath && authorization.authorizer().looksAtPaths) {
      return exchange.answer('bad-request', 'ambiguous path');
    }
    if (!verdicts.decide(method, path, exchange.trail)) return exchange.answer('denied');
    next(exchange);
  };
}

/** The verdict for a connection that is not parsed as HTTP. */
export function authorizeConnection(authorization: Authorization, trail: Trail): boolean {
  return new CallerVerdicts(authorization).decide(undefined, undefined, trail);
}

/** The rules of the configuration in force, as far as they are about one caller. */
class CallerVerdicts {
  readonly #authorization: Authorization;
  #authorizer: Authorizer | undefined;
  #forCaller: CallerAuthorizer | undefined;

  constructor(authorization: Authorization) {
    this.#authorization = authorization;
  }

  decide(method: string | undefined, path: string | undefined, trail: Trail): boolean {
    const { telemetry } = this.#authorization;
    const rules = this.#rules();
    const decision = rules.decide(method, path);
    trail.verdict = decision.allowed ? 'allowed' : 'denied';
    trail.policy = decision.policy;
    trail.rule = decision.rule;
    telemetry.authorization(decision, 'Enforce');
    const wouldDeny = decision.allowed ? rules.audit(method, path) : undefined;
    if (wouldDeny !== undefined) {
      trail.auditPolicy = wouldDeny.policy;
      trail.auditRule = wouldDeny.rule;
      telemetry.authorization(wouldDeny, 'Audit');
    }
    return decision.allowed;
  }

  #rules(): CallerAuthorizer {
    const { authorizer, caller } = this.#authorization;
    const current = authorizer();
    if (this.#forCaller === undefined || current !== this.#authorizer) {
      this.#authorizer = current;
      this.#forCaller = current.forCaller(caller);
    }
    return this.#forCaller;
  }
}

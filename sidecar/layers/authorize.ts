import type { HttpLayer } from '../http1/exchange.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { Authorizer, Call } from './authorization.ts';
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
  return (next) => (exchange) => {
    const { method, path, ambiguousPath } = exchange.head;
    if (ambiguousPath && authorization.authorizer().looksAtPaths) {
      return exchange.answer('bad-request', 'ambiguous path');
    }
    const call: Call = { caller: authorization.caller, method, path };
    if (!decide(authorization, call, exchange.trail)) return exchange.answer('denied');
    next(exchange);
  };
}

/** The verdict for a connection that is not parsed as HTTP. */
export function authorizeConnection(authorization: Authorization, trail: Trail): boolean {
  return decide(authorization, { caller: authorization.caller, method: undefined, path: undefined }, trail);
}

function decide({ authorizer, telemetry }: Authorization, call: Call, trail: Trail): boolean {
  const { decide, audit } = authorizer();
  const decision = decide(call);
  trail.verdict = decision.allowed ? 'allowed' : 'denied';
  trail.policy = decision.policy;
  trail.rule = decision.rule;
  telemetry.authorization(decision, 'Enforce');
  const wouldDeny = decision.allowed ? audit?.(call) : undefined;
  if (wouldDeny !== undefined) {
    trail.auditPolicy = wouldDeny.policy;
    trail.auditRule = wouldDeny.rule;
    telemetry.authorization(wouldDeny, 'Audit');
  }
  return decision.allowed;
}

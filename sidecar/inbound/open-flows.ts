import type { InboundLimits } from '../../api/proxy-config.ts';
import type { Context } from '../context.ts';
import type { Exchange } from '../http1/exchange.ts';
import type { Call } from '../layers/authorization.ts';
import { NO_TOKENS } from '../layers/jwt-claims.ts';
import { refuse } from '../layers/opaque.ts';
import type { Flow } from './flow.ts';
import type { PortPolicy } from './port-policy.ts';

/** What a new configuration means to a connection that is open. */
export interface Open {
  /**
   * The request that made it a tunnel, as which it was let in; undefined: requests are still authorized one by
   * one. Absent: the connection is not parsed.
   */
  readonly tunnel: (() => Exchange | undefined) | undefined;
  /** what follows the limits in force; undefined: nothing does yet */
  follow: ((limits: InboundLimits | undefined) => void) | undefined;
}

/** A connection that the policy in force would not let in is not kept because it came before. */
export class OpenFlows {
  readonly #context: Context;
  readonly #open = new Map<Flow, Open>();

  constructor(context: Context) {
    this.#context = context;
  }

  keep(flow: Flow, open: Open): Open {
    if (!this.#open.has(flow)) flow.client.onClosed(() => this.#open.delete(flow));
    this.#open.set(flow, open);
    return open;
  }

  /** A new configuration is in force. */
  judge(policyOf: (flow: Flow) => PortPolicy): void {
    for (const [flow, open] of this.#open) {
      const policy = policyOf(flow);
      open.follow?.(policy.limits);
      this.#judge(flow, open, policy);
    }
  }

  #judge(flow: Flow, { tunnel }: Open, { mtls, tokens, authorizer }: PortPolicy): void {
    if (mtls === 'Strict' && !flow.trail.encrypted) return void refuse(this.#context, flow, 'strict-mtls');
    const request = tunnel?.();
    if (tunnel !== undefined && request === undefined) return;
    if (request !== undefined && tokens?.stillAccepts(request.head.fields, request.tokens) === false) {
      return void refuse(this.#context, flow, 'unauthenticated', 'the token would not be accepted any more');
    }
    const decision = authorizer.decide(callOf(flow, request, tokens !== undefined));
    if (decision.allowed) return;
    Object.assign(flow.trail, { verdict: 'denied', policy: decision.policy, rule: decision.rule });
    refuse(this.#context, flow, 'denied');
  }
}

/** Tokens that nobody looks at any more say nothing. */
function callOf({ caller }: Flow, request: Exchange | undefined, withTokens: boolean): Call {
  if (request === undefined) return { caller, method: undefined, path: undefined };
  const { head } = request;
  const tokens = withTokens ? request.tokens : NO_TOKENS;
  return { caller, method: head.method, path: head.path, request: head, tokens };
}

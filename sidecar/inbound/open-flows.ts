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
   * Requests that became tunnels, as which they were let in; others are authorized one by one. Absent: the
   * connection is not parsed.
   */
  readonly tunnels: (() => Iterable<Exchange>) | undefined;
  /** what follows the limits in force; undefined: nothing does yet */
  follow: ((limits: InboundLimits | undefined) => void) | undefined;
  /** Ends it after the request under way; absent: the connection is not parsed. */
  readonly end?: () => void;
}

/** A connection that the policy in force would not let in is not kept because it came before. */
export class OpenFlows {
  readonly #context: Context;
  readonly #open = new Map<Flow, Open>();
  /** whose caller's certificate has ended */
  readonly #unproven = new WeakSet<Flow>();

  constructor(context: Context) {
    this.#context = context;
  }

  keep(flow: Flow, open: Open): Open {
    if (!this.#open.has(flow)) flow.client.onClosed(() => this.#open.delete(flow));
    this.#open.set(flow, open);
    return open;
  }

  /** It has become another. */
  forget(flow: Flow): void {
    this.#open.delete(flow);
  }

  /**
   * What the caller has proven ends with its certificate, and it has to connect anew: after the request under way,
   * or where nothing tells one request from the next in the first pause, or without a pause at the very last.
   * @param untilMs since the epoch
   */
  prove(flow: Flow, untilMs: number): void {
    this.#after(flow, Math.max(0, untilMs - Date.now()), () => this.#endSoon(flow));
  }

  #endSoon(flow: Flow): void {
    const open = this.#open.get(flow);
    const { unprovenIdleMs, unprovenMaxMs } = this.#context.limits;
    this.#unproven.add(flow);
    if (open?.end !== undefined && isEmpty(open.tunnels)) open.end();
    else {
      // of HTTP/2: no further request beside the tunnels
      open?.end?.();
      open?.follow?.({ idleTimeoutMs: unprovenIdleMs });
    }
    this.#after(flow, unprovenMaxMs, () =>
      refuse(this.#context, flow, 'unauthenticated', 'the certificate of the caller has ended'),
    );
  }

  #after(flow: Flow, delayMs: number, run: () => void): void {
    const timer = this.#context.timers.after(delayMs, run);
    flow.client.onClosed(() => timer.cancel());
  }

  #limitsOf(flow: Flow, { limits }: PortPolicy): InboundLimits | undefined {
    const { unprovenIdleMs } = this.#context.limits;
    return this.#unproven.has(flow) ? { ...limits, idleTimeoutMs: unprovenIdleMs } : limits;
  }

  /** A new configuration is in force. */
  judge(policyOf: (flow: Flow) => PortPolicy): void {
    for (const [flow, open] of this.#open) {
      const policy = policyOf(flow);
      open.follow?.(this.#limitsOf(flow, policy));
      this.#judge(flow, open, policy);
    }
  }

  #judge(flow: Flow, { tunnels }: Open, policy: PortPolicy): void {
    if (policy.mtls === 'Strict' && !flow.trail.encrypted) {
      return void refuse(this.#context, flow, 'strict-mtls');
    }
    if (tunnels === undefined) return void this.#judgeOne(flow, undefined, policy);
    for (const request of [...tunnels()]) this.#judgeOne(flow, request, policy);
  }

  /** `request`: the one that opened the tunnel; undefined: the connection is not parsed. */
  #judgeOne(flow: Flow, request: Exchange | undefined, { tokens, authorizer }: PortPolicy): void {
    // one of several tunnels ends the connection for all of them
    if (flow.client.destroyed) return;
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

function isEmpty(tunnels: Open['tunnels']): boolean {
  for (const _ of tunnels?.() ?? []) return false;
  return true;
}

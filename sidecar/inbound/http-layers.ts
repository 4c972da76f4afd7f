import type { Context } from '../context.ts';
import { compose, type Exchange, type HttpHandler, type HttpLayer } from '../http1/exchange.ts';
import { authorize } from '../layers/authorize.ts';
import { limitBody } from '../layers/body-limit.ts';
import type { Caller } from '../layers/caller.ts';
import { callerIdentity } from '../layers/identity.ts';
import { verifyTokens } from '../layers/jwt.ts';
import { rateLimit } from '../layers/rate-limit.ts';
import { identifyRequest } from '../layers/request-id.ts';
import { observe } from '../layers/telemetry.ts';
import { trace } from '../layers/trace.ts';
import type { Flow } from './flow.ts';
import type { PortPolicy } from './port-policy.ts';

export interface HttpLayersOptions {
  readonly context: Context;
  readonly flow: Flow;
  /** the one in force; another object after every new configuration */
  readonly policy: () => PortPolicy;
  readonly app: HttpHandler;
}

/**
 * The requests of one connection on their way to the app. Composed anew when the policy changes, so that a new
 * one holds for open connections too, each request meets one policy from its first layer to its last, and a
 * layer that is off is not there.
 */
export class HttpLayers {
  readonly #options: HttpLayersOptions;
  #composedFor: PortPolicy | undefined;
  #handler: HttpHandler = () => {};

  constructor(options: HttpLayersOptions) {
    this.#options = options;
  }

  handle(exchange: Exchange): void {
    const { flow, policy: inForce } = this.#options;
    const policy = inForce();
    if (policy !== this.#composedFor) {
      this.#composedFor = policy;
      this.#handler = inOrder(this.#options, policy);
    }
    exchange.trail.encrypted = flow.trail.encrypted;
    this.#handler(exchange);
  }
}

/** The order is the order of trust. */
function inOrder({ context, flow, app }: HttpLayersOptions, policy: PortPolicy): HttpHandler {
  const { caller, observation } = flow;
  return compose(
    [
      // sees every answer, also those of the layers below
      observe(observation),
      // by which it can be asked about, also when it is refused; looked for among what came alone
      identifyRequest(context.requestIds),
      // before any rule may look at a header: what the network says about identity is not worth keeping
      callerIdentity(caller),
      // the verdicts below are part of the span
      trace(context.tracing, observation),
      // whose tokens they bring: rules ask for what was verified, and nobody is let in with a false one
      ...verifyTokensOf(policy),
      // who may ask at all, before anything is spent on them
      authorize({ authorizer: policy.authorizer, caller, telemetry: context.telemetry }),
      // those who may, as often as they may: who may not uses up nobody's
      ...limitRates(policy, context, caller),
      // what is still to come is for the app, and only so much of it
      ...limitBodies(policy),
    ],
    app,
  );
}

function verifyTokensOf({ tokens }: PortPolicy): HttpLayer[] {
  return tokens === undefined ? [] : [verifyTokens(tokens)];
}

function limitRates({ rateLimiters }: PortPolicy, context: Context, caller: Caller): HttpLayer[] {
  if (rateLimiters === undefined) return [];
  const { telemetry, timers } = context;
  return [rateLimit({ limiters: rateLimiters, caller, telemetry, timers })];
}

function limitBodies({ limits }: PortPolicy): HttpLayer[] {
  return limits?.maxBodyBytes === undefined ? [] : [limitBody(limits.maxBodyBytes)];
}

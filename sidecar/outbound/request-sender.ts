import type { Context } from '../context.ts';
import type { Exchange, HttpHandler } from '../http1/exchange.ts';
import type { FaultPlan } from '../layers/fault.ts';
import { PacedResponse } from '../layers/paced-response.ts';
import { answerRedirect } from '../layers/redirect.ts';
import type { RouteActions } from '../layers/route-actions.ts';
import type { Mirrors } from './mirrors.ts';
import type { RouteSettings } from './route-settings.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamRequest } from './upstream-request.ts';
import type { Upstreams } from './upstreams.ts';

/** The end of a request's way out: destination, route, what the route does, and there. */
export class RequestSender {
  readonly #context: Context;
  readonly #upstreams: Upstreams;
  readonly #mirrors: Mirrors;

  constructor(context: Context, upstreams: Upstreams, mirrors: Mirrors) {
    this.#context = context;
    this.#upstreams = upstreams;
    this.#mirrors = mirrors;
  }

  /** The destination is looked up per request, so that changes hold for open connections. */
  handler(key: string): HttpHandler {
    const { destinations } = this.#context.state;
    return (exchange) => {
      destinations.resolve(key, (answer) => {
        // the client went away, or got an answer, while the operator was asked
        if (exchange.aborted || exchange.responseEnded) return;
        if (answer === null) return exchange.answer('no-route', 'the destination left the mesh');
        if (answer === 'unreachable') return exchange.answer('control-plane-unreachable');
        this.#route(exchange, this.#upstreams.get(key, answer));
      });
    };
  }

  #route(exchange: Exchange, upstream: Upstream): void {
    const route = upstream.route(exchange.head);
    exchange.trail.upstream = upstream;
    exchange.trail.settings = route;
    if (route === undefined) return void exchange.answer('no-route', 'no route takes this request');
    exchange.trail.route = route.name;
    exchange.trail.routePolicy = route.policy;
    if (route.actions === undefined) return void this.#send(exchange, upstream, route);
    this.#act(exchange, upstream, route, route.actions);
  }

  #act(exchange: Exchange, upstream: Upstream, route: RouteSettings, actions: RouteActions): void {
    const { redirect, fault } = actions;
    // answers by itself
    if (redirect !== undefined) return void answerRedirect(exchange, redirect);
    // before anything is sent or counted against the destination
    if (fault === undefined) this.#change(exchange, upstream, route, actions);
    else this.#injectFault(exchange, fault, () => this.#change(exchange, upstream, route, actions));
  }

  #change(exchange: Exchange, upstream: Upstream, route: RouteSettings, actions: RouteActions): void {
    // what the app wrote is what routes match; what they change is what everybody behind sees
    actions.changeRequest?.(exchange.head.fields);
    actions.rewrite?.(exchange.head);
    // the copy is of what is sent, and of every request once, however often that is tried
    if (actions.mirror !== undefined) this.#mirrors.copy(exchange, upstream, actions.mirror);
    this.#send(exchange, upstream, route);
  }

  /** Delayed first, then aborted, or let through at its pace. */
  #injectFault(exchange: Exchange, fault: FaultPlan, next: () => void): void {
    const { random, timers } = this.#context;
    const delayMs = fault.delayMs(random());
    const status = fault.abortStatus(random());
    const inject = () => {
      if (exchange.aborted || exchange.responseEnded) return;
      if (status !== 0) return void exchange.answer('fault', 'aborted by policy', [], status);
      if (fault.bytesPerSecond > 0) {
        exchange.gateResponse((to) => new PacedResponse(to, fault.bytesPerSecond, timers));
      }
      next();
    };
    exchange.trail.delayedMs = delayMs;
    if (delayMs === 0) return void inject();
    // or a client that goes away would not be noticed
    if (exchange.head.framing.type === 'none') exchange.resumeRequest();
    const timer = timers.after(delayMs, inject);
    exchange.onFinish({ onExchangeFinished: () => timer.cancel() });
  }

  #send(exchange: Exchange, upstream: Upstream, route: RouteSettings): void {
    const choose = route.actions?.choose;
    const backend = choose === undefined ? upstream.own : upstream.backend(choose(this.#context.random()));
    new UpstreamRequest(this.#context, exchange, upstream, backend, route).start();
  }
}

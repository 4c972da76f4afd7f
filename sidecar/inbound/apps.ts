import { isIPv6 } from 'node:net';
import { INBOUND_SOURCE_IPV4, INBOUND_SOURCE_IPV6 } from '../../api/names.ts';
import type { InboundLimits, Protocol } from '../../api/proxy-config.ts';
import type { Context } from '../context.ts';
import type { HttpHandler } from '../http1/exchange.ts';
import { Pool } from '../http1/pool.ts';
import { Http2Pool } from '../http2/pool.ts';
import { LearnedVersion } from '../layers/learned-version.ts';
import { RetryBudget } from '../layers/retry-budget.ts';
import { onlyVersionOf } from '../layers/version.ts';
import { type Dial, dialPlain } from '../transport/dial.ts';
import { hostPort, type SocketAddress } from '../transport/socket-address.ts';
import { AppPresence } from './app-presence.ts';
import { type App, sendToApp } from './app-sender.ts';
import { PendingRequests } from './pending-requests.ts';

/** What is said of an app's port. */
export interface AppPolicy {
  readonly limits: InboundLimits | undefined;
  readonly protocol: Protocol | undefined;
}

/** The apps of this pod. Their connections are kept apart by address; all callers share them. */
export class Apps {
  readonly #context: Context;
  readonly #policy: (port: number) => AppPolicy;
  readonly #apps = new Map<string, App>();

  /** `policy`: what is in force on a container port. */
  constructor(context: Context, policy: (port: number) => AppPolicy) {
    this.#context = context;
    this.#policy = policy;
  }

  /** The end of a request's way. */
  handler(target: SocketAddress): HttpHandler {
    const name = hostPort(target);
    return sendToApp(this.#context, this.#app(name, target));
  }

  /** The app, at the address the client dialled; redirected traffic from the source init exempts. */
  dial(target: SocketAddress): Dial {
    const { limits, timers, originalDestination } = this.#context;
    const source = isIPv6(target.address) ? INBOUND_SOURCE_IPV6 : INBOUND_SOURCE_IPV4;
    return dialPlain({
      host: target.address,
      port: target.port,
      localAddress: originalDestination() === undefined ? undefined : source,
      timeoutMs: limits.connectTimeoutMs,
      timers,
    });
  }

  #app(name: string, target: SocketAddress): App {
    const known = this.#apps.get(name);
    if (known !== undefined) return known;
    const { pools, limits, timers } = this.#context;
    // a pod has few ports; what is not used costs nothing
    if (this.#apps.size >= MAX_APPS) this.#apps.clear();
    const policy = () => this.#policy(target.port).limits;
    const pending = new PendingRequests(() => policy()?.maxPendingRequests);
    const options = { dial: this.dial(target), limits, timers, idleMs: limits.appIdleMs, budget: pending };
    const [http1, http2] = [new Pool(pools, options), new Http2Pool(pools, options)];
    const app: App = {
      name,
      pools: { http1, http2 },
      presence: { http1: new AppPresence(http1, timers), http2: new AppPresence(http2, timers) },
      pending,
      repeats: new RetryBudget(REPEATS),
      idleTimeoutMs: () => policy()?.idleTimeoutMs,
      declared: () => onlyVersionOf(this.#policy(target.port).protocol),
      version: new LearnedVersion(),
    };
    this.#apps.set(name, app);
    return app;
  }
}

const MAX_APPS = 1_024;
/** Little, so that it adds next to nothing to what the callers' own budgets let through. */
const REPEATS = { percent: 2, minPerSecond: 1 };

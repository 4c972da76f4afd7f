import type { Destination } from '../../api/destination.ts';
import type { DestinationTraffic, RetryPolicy } from '../../api/destination-traffic.ts';
import { isHashing } from '../balancers/create-balancer.ts';
import { CONSISTENT_SEED, hash32 } from '../balancers/hash.ts';
import type { Host } from '../balancers/host.ts';
import { HostSet } from '../balancers/host-set.ts';
import type { Context } from '../context.ts';
import type { Pool, PoolBudget } from '../http1/pool.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { CircuitBreaker, CONNECTIONS, PENDING_REQUESTS } from '../layers/circuit-breaker.ts';
import { HealthChecks } from '../layers/health-check.ts';
import { probeHttp } from '../layers/http-probe.ts';
import { OutlierDetection } from '../layers/outlier-detection.ts';
import { RetryBudget } from '../layers/retry-budget.ts';
import { type CompiledRetryPolicy, compileRetryPolicy } from '../layers/retry-policy.ts';
import { type CompiledRoute, compileRoutes, type RouteTable } from '../layers/route-table.ts';
import type { EndpointConnector } from './endpoint-connector.ts';

/** How requests of one route are sent; timeouts of 0 are none. */
export interface RouteSettings {
  readonly name: string;
  readonly index: number;
  readonly requestTimeoutMs: number;
  readonly attemptTimeoutMs: number;
  /** without a byte; -1: the sidecar's own */
  readonly idleTimeoutMs: number;
  /** false: nothing is tried again but what was never sent */
  readonly retriesSent: boolean;
  readonly retry: CompiledRetryPolicy;
}

/**
 * One destination in use, with everything that is compiled of it and learned of its hosts. It lives as long as
 * the destination is subscribed to; a new version of the destination changes it in place.
 */
export class Upstream implements PoolBudget {
  readonly #context: Context;
  readonly #connector: EndpointConnector;
  destination: Destination;
  readonly hosts: HostSet;
  readonly outliers: OutlierDetection;
  readonly #health: HealthChecks;
  readonly breaker: CircuitBreaker;
  readonly retryBudget: RetryBudget;
  #routes: RouteTable;
  #settings: readonly RouteSettings[];
  #hashes = false;
  #hashHeader: string | undefined;
  #zone: string | undefined;
  /** where to look first for somebody who waits, so that each endpoint has its turn */
  #offered = 0;

  constructor(
    context: Context,
    connector: EndpointConnector,
    destination: Destination,
    zone: string | undefined,
  ) {
    const { timers, random } = context;
    const { traffic } = destination;
    this.#context = context;
    this.#connector = connector;
    this.destination = destination;
    this.#zone = zone;
    const changed = () => this.hosts.refresh();
    this.hosts = new HostSet({ timers, random, onRemoved: (host) => host.pool?.close() });
    this.outliers = new OutlierDetection({ policy: traffic?.outlierDetection, timers, changed });
    this.#health = new HealthChecks({
      policy: traffic?.healthCheck,
      timers,
      random,
      changed,
      probe: (host, path, timeoutMs, done) =>
        probeHttp(connector.http(host.endpoint, timeoutMs), path, host.name, timers, timeoutMs, done),
    });
    this.breaker = new CircuitBreaker(traffic?.circuitBreaker);
    this.retryBudget = new RetryBudget(traffic?.retryBudget);
    this.#routes = compileRoutes(traffic?.routes);
    this.#settings = settingsOf(this.#routes, destination);
    this.#apply();
  }

  update(destination: Destination, zone: string | undefined): void {
    const { traffic } = destination;
    this.destination = destination;
    this.#zone = zone;
    this.outliers.update(traffic?.outlierDetection);
    this.#health.update(traffic?.healthCheck);
    this.breaker.update(traffic?.circuitBreaker);
    this.retryBudget.update(traffic?.retryBudget);
    this.#routes = compileRoutes(traffic?.routes);
    this.#settings = settingsOf(this.#routes, destination);
    this.#apply();
    for (const host of this.hosts.hosts) host.meters.length = 0;
    while (this.offer());
  }

  #apply(): void {
    const { loadBalancing } = this.destination.traffic ?? {};
    this.#hashes = isHashing(loadBalancing?.algorithm ?? 'PeakEWMA');
    this.#hashHeader = loadBalancing?.hash?.type === 'Header' ? loadBalancing.hash.header : undefined;
    this.hosts.setPolicy(loadBalancing, this.#zone);
    this.hosts.update(this.destination.endpoints);
    this.outliers.setHosts(this.hosts.hosts);
    this.#health.setHosts(this.hosts.hosts);
  }

  /** The destination is not in use any more. */
  close(): void {
    this.#health.close();
    this.outliers.close();
    this.hosts.close();
  }

  /** Undefined: no route takes the request. */
  route(head: RequestHead): RouteSettings | undefined {
    const route = this.#routes.find(head);
    return route === undefined ? undefined : this.#settings[route.index];
  }

  /** What decides for hashing algorithms; without the header any host will do. */
  hash(head: RequestHead | undefined): number {
    if (!this.#hashes) return 0;
    if (this.#hashHeader === undefined) return hash32(this.#context.proxyId(), CONSISTENT_SEED);
    const value = head?.header(this.#hashHeader);
    if (value === undefined) return Math.floor(this.#context.random() * 0x1_0000_0000);
    return hash32(value, CONSISTENT_SEED);
  }

  pool(host: Host): Pool {
    host.pool ??= this.#connector.pool(host.endpoint, () => this.connectTimeoutMs, this);
    return host.pool;
  }

  get connectTimeoutMs(): number {
    return this.destination.traffic?.timeout?.connectMs || this.#context.limits.connectTimeoutMs;
  }

  /** Some limit refuses at the moment. */
  get isOpen(): boolean {
    return this.breaker.states().some(({ openSinceMs }) => openSinceMs !== 0);
  }

  // === what pools may use ===

  /** An idle connection to another endpoint makes room. */
  tryConnect(): boolean {
    const most = this.destination.traffic?.circuitBreaker?.maxConnections ?? Number.POSITIVE_INFINITY;
    if (this.breaker.active(CONNECTIONS) >= most) this.hosts.hosts.some(({ pool }) => pool?.dropIdle());
    return this.breaker.tryEnter(CONNECTIONS, this.#context.timers.coarseMs());
  }
  disconnected(): void {
    this.breaker.leave(CONNECTIONS);
  }
  tryWait(): boolean {
    return this.breaker.tryEnter(PENDING_REQUESTS, this.#context.timers.coarseMs());
  }
  waited(): void {
    this.breaker.leave(PENDING_REQUESTS);
  }
  isWanted(waitingHere: number): boolean {
    return this.breaker.active(PENDING_REQUESTS) > waitingHere;
  }
  /** A connection there is room for goes to a request that waits, if one does. */
  offer(): boolean {
    if (!this.isWanted(0)) return false;
    const { hosts } = this.hosts;
    this.#offered += 1;
    for (let look = 0; look < hosts.length; look += 1) {
      if (hosts[(this.#offered + look) % hosts.length]!.pool?.serveWaiting()) return true;
    }
    return false;
  }
}

function settingsOf(table: RouteTable, { traffic }: Destination): readonly RouteSettings[] {
  return table.routes.map((route) => settingsOfRoute(route, traffic?.timeout, traffic?.retry));
}

function settingsOfRoute(
  route: CompiledRoute,
  timeout: DestinationTraffic['timeout'],
  retry: RetryPolicy | undefined,
): RouteSettings {
  return {
    name: route.name,
    index: route.index,
    requestTimeoutMs: route.requestTimeoutMs === -1 ? (timeout?.requestMs ?? 0) : route.requestTimeoutMs,
    attemptTimeoutMs: Math.max(0, route.attemptTimeoutMs),
    idleTimeoutMs: route.idleTimeoutMs === -1 ? (timeout?.idleMs ?? -1) : route.idleTimeoutMs,
    retry: compileRetryPolicy(route.retry ?? retry),
    retriesSent: (route.retry ?? retry) !== undefined,
  };
}

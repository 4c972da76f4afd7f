import type { Destination, Endpoint } from '../../api/destination.ts';
import type { BackendTraffic } from '../../api/destination-traffic.ts';
import { isHashing } from '../balancers/create-balancer.ts';
import { CONSISTENT_SEED, hash32 } from '../balancers/hash.ts';
import type { Host } from '../balancers/host.ts';
import { HostSet } from '../balancers/host-set.ts';
import type { Context } from '../context.ts';
import type { HttpVersion } from '../http-server.ts';
import type { PoolBudget, RequestPool } from '../http1/pool.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { CircuitBreaker, CONNECTIONS, PENDING_REQUESTS } from '../layers/circuit-breaker.ts';
import { HealthChecks } from '../layers/health-check.ts';
import { OutlierDetection } from '../layers/outlier-detection.ts';
import { type Asked, onlyVersionOf, versionFor } from '../layers/version.ts';
import type { EndpointConnector } from './endpoint-connector.ts';
import { HealthLog } from './health-log.ts';
import { probeOf } from './host-probe.ts';

/** What a backend is made of; a new version of the destination brings another. */
export interface BackendSpec {
  readonly endpoints: readonly Endpoint[];
  readonly traffic: BackendTraffic;
  /** as declared; absent: nobody did */
  readonly protocol?: Destination['protocol'];
}

/**
 * A group of endpoints that requests are balanced over, with everything learned of them: those of a destination,
 * or of another Service that its routes lead to.
 */
export class Backend implements PoolBudget {
  readonly #context: Context;
  readonly #connector: EndpointConnector;
  /** why a request to it came nowhere */
  readonly nothingReady: string;
  readonly hosts: HostSet;
  readonly outliers: OutlierDetection;
  readonly #health: HealthChecks;
  readonly breaker: CircuitBreaker;
  #traffic: BackendTraffic = {};
  #declared: HttpVersion | undefined;
  #hashes = false;
  #hashHeader: string | undefined;
  /** where to look first for somebody who waits, so that each endpoint has its turn */
  #offered = 0;

  /** `name`: of the Service, for whoever asks why. */
  constructor(context: Context, connector: EndpointConnector, name: string) {
    const { timers, random, log } = context;
    this.#context = context;
    this.#connector = connector;
    this.nothingReady = `nothing is ready behind ${name}`;
    const changed = () => this.hosts.refresh();
    const healthLog = new HealthLog(log, timers);
    this.hosts = new HostSet({ timers, random, onRemoved: closePools });
    this.outliers = new OutlierDetection({ policy: undefined, timers, changed });
    this.#health = new HealthChecks({
      policy: undefined,
      timers,
      random,
      changed,
      probe: probeOf(context, connector, (host) => this.#probeVersion(host)),
      judged: (host, reason) => healthLog.judged(host, name, reason),
    });
    this.breaker = new CircuitBreaker(undefined);
  }

  update({ endpoints, traffic, protocol }: BackendSpec, zone: string | undefined): void {
    const { loadBalancing } = traffic;
    this.#traffic = traffic;
    this.#declared = onlyVersionOf(protocol);
    this.outliers.update(traffic.outlierDetection);
    this.#health.update(traffic.healthCheck);
    this.breaker.update(traffic.circuitBreaker);
    this.#hashes = isHashing(loadBalancing?.algorithm ?? 'PeakEWMA');
    this.#hashHeader = loadBalancing?.hash?.type === 'Header' ? loadBalancing.hash.header : undefined;
    this.hosts.setPolicy(loadBalancing, zone);
    this.hosts.update(endpoints);
    this.outliers.setHosts(this.hosts.hosts);
    this.#health.setHosts(this.hosts.hosts);
    for (const host of this.hosts.hosts) host.meters.length = 0;
    while (this.offer());
  }

  /** Nothing leads here any more. */
  close(): void {
    this.#health.close();
    this.outliers.close();
    this.hosts.close();
  }

  /** What decides for hashing algorithms; without the header any host will do. */
  hash(head: RequestHead | undefined): number {
    if (!this.#hashes) return 0;
    if (this.#hashHeader === undefined) return hash32(this.#context.proxyId(), CONSISTENT_SEED);
    const value = head?.header(this.#hashHeader);
    if (value === undefined) return Math.floor(this.#context.random() * 0x1_0000_0000);
    return hash32(value, CONSISTENT_SEED);
  }

  /** In which version a request goes to it. */
  versionFor(asked: Asked, current: HttpVersion, host: Host): HttpVersion {
    const nowMs = this.#context.timers.coarseMs();
    return versionFor(asked, current, this.#declaredOf(host), host.version, nowMs);
  }

  /** Another sidecar translates for its app, and knows more of it. */
  #declaredOf({ endpoint }: Host): HttpVersion | undefined {
    return endpoint.spiffeId === undefined ? this.#declared : undefined;
  }

  /** As a request of HTTP/1, but finding out is not for probes, by which hosts are judged. */
  #probeVersion(host: Host): HttpVersion {
    return host.version.choose(this.#declaredOf(host) ?? 'http1', false, this.#context.timers.coarseMs());
  }

  pool(host: Host, version: HttpVersion): RequestPool {
    host[version] ??= this.#connector.pool(version, host.endpoint, () => this.connectTimeoutMs, this);
    return host[version];
  }

  /** A policy's, or how long it is worth waiting for one endpoint. */
  get connectTimeoutMs(): number {
    const { connectTimeoutMs, loneConnectTimeoutMs } = this.#context.limits;
    if (this.#traffic.connectMs) return this.#traffic.connectMs;
    return this.hosts.hosts.length > 1 ? connectTimeoutMs : Math.max(connectTimeoutMs, loneConnectTimeoutMs);
  }

  /** Some limit refuses at the moment. */
  get isOpen(): boolean {
    return this.breaker.states().some(({ openSinceMs }) => openSinceMs !== 0);
  }

  // === what pools may use ===

  /** An idle connection to another endpoint makes room. */
  tryConnect(): boolean {
    const most = this.#traffic.circuitBreaker?.maxConnections ?? Number.POSITIVE_INFINITY;
    if (this.breaker.active(CONNECTIONS) >= most) this.hosts.hosts.some(dropIdle);
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
      if (serveWaiting(hosts[(this.#offered + look) % hosts.length]!)) return true;
    }
    return false;
  }
}

function closePools({ http1, http2 }: Host): void {
  http1?.close();
  http2?.close();
}
function dropIdle({ http1, http2 }: Host): boolean {
  return http1?.dropIdle() === true || http2?.dropIdle() === true;
}
function serveWaiting({ http1, http2 }: Host): boolean {
  return http1?.serveWaiting() === true || http2?.serveWaiting() === true;
}

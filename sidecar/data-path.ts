import { METRICS } from '../api/metrics.ts';
import { PORTS } from '../api/names.ts';
import type { Listeners, ProxyConfig } from '../api/proxy-config.ts';
import { Connections } from './connections.ts';
import type { Context } from './context.ts';
import { isWithin } from './control/trust-bundle.ts';
import type { TrailRing } from './explain/trail-ring.ts';
import { PoolSet } from './http1/pool.ts';
import { Inbound } from './inbound/inbound.ts';
import { RequestIds } from './layers/request-id.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import type { Log } from './log.ts';
import { Outbound } from './outbound/outbound.ts';
import type { Identity, ProxyState } from './proxy-state.ts';
import { AccessLog } from './telemetry/access-log.ts';
import type { Edge } from './telemetry/edges.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { Tracing } from './telemetry/tracing.ts';
import type { Channel } from './transport/channel.ts';
import { DeadPeers } from './transport/dead-peers.ts';
import { type Listener, type ListenerOptions, listen } from './transport/listener.ts';
import { MtlsClient } from './transport/mtls-client.ts';
import { MtlsServer } from './transport/mtls-server.ts';
import { loadOriginalDestination, type OriginalDestination } from './transport/original-destination.ts';
import { type OwnAddresses, ownAddresses } from './transport/own-addresses.ts';
import { type Timers, TimerWheel } from './transport/timers.ts';
import { TlsClient } from './transport/tls-client.ts';

export interface DataPathOptions {
  readonly state: ProxyState;
  readonly log: Log;
  /** where the access log goes; stdout unless given */
  readonly accessLog?: ConstructorParameters<typeof AccessLog>[0];
  readonly limits?: Partial<Limits>;
  readonly timers?: Timers;
  readonly random?: () => number;
  /** for tests: instead of asking the kernel */
  readonly originalDestination?: OriginalDestination;
  readonly ownAddresses?: OwnAddresses;
  /** how many of the last requests are kept; 0: none, so that it can be measured what they cost */
  readonly trails?: number;
  /** for tests: PEM of the roots that servers outside the mesh are verified against, instead of Node's */
  readonly trustedRoots?: string;
}

export interface BoundAddress {
  readonly direction: 'inbound' | 'outbound';
  readonly address: string;
  readonly port: number;
}

export interface DataPath {
  /**
   * Binds the listeners: those of `config.listeners`, else 15001 and 15006 for redirected traffic. Rejects
   * when one cannot be bound.
   */
  start(config: ProxyConfig): Promise<void>;
  /** The pod is about to end: connections of callers outside the mesh end after what they carry. All are served. */
  terminate(): void;
  /** While it is, connections end after what they carry; idle ones stay, so that no request meets their end. */
  withdraw(isWithdrawn: boolean): void;
  /**
   * Accepts nothing more, lets responses say `Connection: close`, and resolves when everything in flight has
   * ended or the time for it is over.
   */
  drain(): Promise<void>;
  /** Cuts whatever is still open. */
  stop(): Promise<void>;
  /** Prometheus text, piece by piece. */
  metricSlices(): Iterable<string>;
  /** The same at once, which holds up traffic for as long as it takes. */
  renderMetrics(): string;
  /** For the live view. */
  connections(): { readonly open: number; readonly pools: number; readonly handshakes: number };
  edges(): readonly Edge[];
  /** the last requests, the newest first */
  trails(): TrailRing;
  addresses(): readonly BoundAddress[];
}

/** An end waits for the collector no longer than this. */
const LAST_SPANS_MS = 2_000;
const LAST_WORD_MS = 500;

export function createDataPath(options: DataPathOptions): DataPath {
  return new RunningDataPath(options);
}

class RunningDataPath implements DataPath {
  readonly #options: DataPathOptions;
  readonly #limits: Limits;
  readonly #timers: Timers;
  readonly #telemetry: Telemetry;
  readonly #tracing: Tracing;
  readonly #connections = new Connections();
  readonly #pools = new PoolSet();
  readonly #mtlsServer: MtlsServer;
  readonly #mtlsClient = new MtlsClient();
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  #originalDestination: OriginalDestination | undefined;
  #listeners: { readonly direction: BoundAddress['direction']; readonly listener: Listener }[] = [];
  readonly #accepted = { inbound: 0, outbound: 0 };

  constructor(options: DataPathOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#timers = options.timers ?? new TimerWheel();
    const random = options.random ?? Math.random;
    this.#telemetry = new Telemetry(
      new AccessLog(options.accessLog ?? process.stdout),
      random,
      options.trails,
    );
    this.#tracing = new Tracing({ telemetry: this.#telemetry, timers: this.#timers, random });
    this.#mtlsServer = new MtlsServer(this.#timers);
    this.#telemetry.registerGauge(
      METRICS.connectionsOpen,
      'Connections accepted and open.',
      ['direction'],
      () => Object.entries(this.#accepted).map(([direction, open]) => [[direction], open]),
    );
    const context = this.#context();
    this.#inbound = new Inbound(context);
    this.#outbound = new Outbound(context);
    this.#follow(options.state);
  }

  #follow(state: ProxyState): void {
    let before: Identity | undefined;
    const setIdentity = (identity: Identity) => {
      // when there are only more roots, every connection is what it was
      const isWider =
        before?.certificate === identity.certificate && isWithin(before.trustBundle, identity.trustBundle);
      before = identity;
      this.#mtlsServer.setIdentity(identity);
      this.#mtlsClient.setIdentity(identity, isWider);
      // connections made with the old certificate, or old roots, finish what they carry and get nothing new
      if (!isWider) this.#pools.retire();
    };
    state.onIdentity(setIdentity);
    if (state.identity !== undefined) setIdentity(state.identity);
    // one registration: both are prepared, or neither is swapped in
    state.onConfig((next) => {
      const swaps = [this.#inbound.prepare(next), this.#outbound.prepare(next), this.#tracing.prepare(next)];
      return () => {
        this.#telemetry.configure(next);
        for (const swap of swaps) swap();
      };
    });
  }

  async start({ listeners }: ProxyConfig): Promise<void> {
    try {
      if (listeners !== undefined) return await this.#bindExplicit(listeners);
      this.#originalDestination = this.#options.originalDestination ?? loadOriginalDestination();
      await this.#bindRedirected();
    } catch (error) {
      this.#closeListeners();
      throw error;
    }
  }

  /** Redirected traffic: inbound arrives at the pod's addresses, outbound at loopback only. */
  async #bindRedirected(): Promise<void> {
    const accept = (channel: Channel) => this.#inbound.accept(channel, undefined);
    const send = (channel: Channel) => this.#outbound.accept(channel, undefined);
    await this.#bind('inbound', '0.0.0.0', PORTS.inbound, accept);
    await this.#bindIPv6('inbound', '::', PORTS.inbound, accept);
    await this.#bind('outbound', '127.0.0.1', PORTS.outbound, send);
    await this.#bindIPv6('outbound', '::1', PORTS.outbound, send);
  }

  async #bindExplicit(listeners: Listeners): Promise<void> {
    for (const { address, port, appAddress, appPort } of listeners.inbound) {
      const app = { address: appAddress, port: appPort };
      await this.#bind('inbound', address, port, (channel) => this.#inbound.accept(channel, app));
    }
    for (const { address, port, destination } of listeners.outbound) {
      await this.#bind('outbound', address, port, (channel) => this.#outbound.accept(channel, destination));
    }
  }

  async #bind(
    direction: BoundAddress['direction'],
    address: string,
    port: number,
    accept: ListenerOptions['onConnection'],
  ): Promise<void> {
    const { log } = this.#options;
    const listener = await listen({
      address,
      port,
      mayAccept: () => this.#mayAccept(direction),
      onConnection: (channel) => {
        this.#accepted[direction] += 1;
        channel.onClosed(() => {
          this.#accepted[direction] -= 1;
        });
        this.#connections.add(channel);
        accept(channel);
      },
      onError: (error) => log.error('accept failed', { direction, address, port, error }),
    });
    this.#listeners.push({ direction, listener });
    log.info('listening', { direction, address: listener.address, port: listener.port });
  }

  #mayAccept(direction: BoundAddress['direction']): boolean {
    if (this.#accepted[direction] < this.#limits.maxConnections) return true;
    this.#telemetry.error(direction, 'overloaded');
    this.#telemetry.connectionRefused(direction);
    return false;
  }

  /** A pod without IPv6 is a pod without IPv6 traffic. */
  async #bindIPv6(
    direction: BoundAddress['direction'],
    address: string,
    port: number,
    accept: ListenerOptions['onConnection'],
  ): Promise<void> {
    try {
      await this.#bind(direction, address, port, accept);
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') throw error;
      this.#options.log.info('no IPv6', { direction, address });
    }
  }

  #context(): Context {
    const { state, log, random, trustedRoots } = this.#options;
    return {
      state,
      log,
      limits: this.#limits,
      timers: this.#timers,
      telemetry: this.#telemetry,
      requestIds: new RequestIds(Math.random),
      tracing: this.#tracing,
      connections: this.#connections,
      pools: this.#pools,
      deadPeers: new DeadPeers({ timers: this.#timers, limits: this.#limits }),
      mtlsServer: this.#mtlsServer,
      mtlsClient: this.#mtlsClient,
      tlsClient: new TlsClient(trustedRoots),
      ownAddresses: this.#options.ownAddresses ?? ownAddresses(() => this.#timers.nowMs()),
      originalDestination: () => this.#originalDestination,
      isDraining: () => this.#connections.isEnding,
      isTerminating: () => this.#connections.isTerminating,
      proxyId: () => state.config?.proxyId ?? '',
      random: random ?? Math.random,
    };
  }

  terminate(): void {
    this.#connections.isTerminating = true;
  }

  withdraw(isWithdrawn: boolean): void {
    this.#connections.isEnding = isWithdrawn;
  }

  async drain(): Promise<void> {
    this.#connections.isEnding = true;
    // the kernel would reset what it has taken for us, and nobody would ask for that again
    await Promise.all(this.#listeners.map(({ listener }) => listener.drain()));
    this.#listeners = [];
    const late = Promise.withResolvers<void>();
    const timer = this.#timers.after(this.#limits.drainTimeoutMs, late.resolve);
    await Promise.race([this.#connections.drain(), late.promise]);
    timer.cancel();
    await this.#tracing.flush(Math.min(LAST_SPANS_MS, this.#limits.drainTimeoutMs));
  }

  async stop(): Promise<void> {
    this.#closeListeners();
    this.#connections.destroyAll();
    this.#pools.retire();
    await this.#connections.drain();
    await this.#tracing.close(LAST_WORD_MS);
  }

  #closeListeners(): void {
    for (const { listener } of this.#listeners) listener.close();
    this.#listeners = [];
  }

  renderMetrics(): string {
    return this.#telemetry.renderAll();
  }

  metricSlices(): Iterable<string> {
    return this.#telemetry.slices();
  }
  connections(): { readonly open: number; readonly pools: number; readonly handshakes: number } {
    return { open: this.#connections.size, pools: this.#pools.size, handshakes: this.#mtlsServer.handshakes };
  }
  edges(): readonly Edge[] {
    return this.#telemetry.edges.list();
  }
  trails(): TrailRing {
    return this.#telemetry.trails;
  }
  addresses(): readonly BoundAddress[] {
    return this.#listeners.map(({ direction, listener: at }) => ({
      direction,
      address: at.address,
      port: at.port,
    }));
  }
}

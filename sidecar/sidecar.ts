import type { ProxyConfig } from '../api/proxy-config.ts';
import { ControlMetrics } from './admin/metrics.ts';
import { AdminServer } from './admin/server.ts';
import { AdminSocket } from './admin/socket.ts';
import { selectTrails, type Trails } from './admin/trails.ts';
import type { Clock } from './control/clock.ts';
import { Control } from './control/control.ts';
import { describeCertificate } from './control/trust-bundle.ts';
import { ReplayDesk } from './explain/replay-desk.ts';
import { type Log, messageOf } from './log.ts';
import type { ProxyState } from './proxy-state.ts';
import type { Settings } from './settings.ts';

/** The two directions of traffic, as seen from here. */
export interface DataPath {
  /** Binds the listeners; rejects when one cannot be bound. */
  start(config: ProxyConfig): Promise<void>;
  /** The pod is about to end: connections of callers outside the mesh end after what they carry. */
  terminate?(): void;
  /** While it is, connections end after what they carry, and new ones are accepted as ever. */
  withdraw?(isWithdrawn: boolean): void;
  /** Accepts nothing new; resolves when what was in flight has ended. */
  drain(): Promise<void>;
  stop(): Promise<void>;
  metricSlices(): Iterable<string>;
  edges(): unknown;
  connections?(): unknown;
  trails?(): Trails;
}

export interface SidecarOptions {
  readonly settings: Settings;
  readonly agent: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly createDataPath: (parts: { state: ProxyState; log: Log; settings: Settings }) => DataPath;
}

const BIND_RETRY_MS = 1_000;
/** Whoever asked to withdraw and did not replace this sidecar by then has given up. */
const WITHDRAWN_MAX_MS = 120_000;
/** The app is there and waits for the next sidecar: what is in flight may delay that no longer. */
const REPLACED_GRACE_MS = 2_000;

/** One sidecar: control, data path and admin, from start to stop. */
export class Sidecar {
  readonly admin: AdminServer;
  readonly #options: SidecarOptions;
  readonly #control: Control;
  readonly #dataPath: DataPath;
  readonly #metrics: ControlMetrics;
  readonly #socket: AdminSocket;
  #listening: 'no' | 'starting' | 'yes' = 'no';
  #bindReason: string | undefined;
  #cancelTimer: () => void = () => {};
  #draining = false;
  #withdrawn = false;
  #cancelWithdrawal: () => void = () => {};
  #stopped = false;

  constructor(options: SidecarOptions) {
    const { settings, log, clock, createDataPath } = options;
    this.#options = options;
    this.#control = new Control(options);
    const { state, arbiter, destinations } = this.#control;
    this.#dataPath = createDataPath({ state, log, settings });
    this.#metrics = new ControlMetrics({
      state,
      rejected: arbiter.rejected,
      streamIsUp: () => this.#control.streamIsUp,
      destinationsKnown: () => destinations.size,
      nowMs: clock.nowMs,
    });
    const reasons = () => this.reasons();
    const { probes, podIp, stateDir } = settings;
    this.admin = new AdminServer({ reasons, metrics: () => this.#metricSlices(), probes, podIp, log });
    const replays = new ReplayDesk({
      proxyId: settings.proxyId,
      trails: () => this.#dataPath.trails?.(),
      config: () => state.config,
      destinations: () => destinations.known().flatMap(({ destination }) => destination ?? []),
    });
    this.#socket = new AdminSocket({
      stateDir,
      reasons,
      config: () => this.#describe(),
      edges: () => this.#dataPath.edges(),
      connections: () => this.#dataPath.connections?.() ?? [],
      trails: (query) => selectTrails(this.#dataPath.trails?.(), query),
      replay: (body) => replays.answer(body),
      drain: () => this.drain(),
      withdraw: () => this.withdraw(),
    });
    // registered last, after the data path: by then the configuration is in force everywhere
    state.onConfig((config) => () => this.#configured(config));
  }

  /** Resolves when this machine's part is read; readiness tells the rest. */
  async start(): Promise<void> {
    const { settings, log } = this.#options;
    if (settings.adminAddress !== undefined) this.admin.listen(settings.adminAddress);
    await this.#control.start();
    await this.#socket.listen().catch((error) => {
      log.error('the admin socket cannot be bound', { reason: messageOf(error) });
    });
  }

  /** Why it is not ready; empty when it is. */
  reasons(): string[] {
    return [
      ...this.#control.reasons(),
      ...(this.#listening === 'yes' ? [] : [this.#bindReason ?? 'the listeners are not bound yet']),
      ...(this.#draining ? ['the pod is terminating'] : []),
      ...(this.#withdrawn ? ['another sidecar is about to take its place'] : []),
    ];
  }

  /** The pod is terminating: not ready any more, and serving both directions until the app is gone. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#dataPath.terminate?.();
    this.#options.log.info('draining: not ready, still serving');
  }

  /**
   * Another process is about to take this one's place in a pod that goes on: not ready, serving, and each connection
   * ends after what it carries. If that does not happen it is ready again by itself.
   */
  withdraw(): void {
    this.#cancelWithdrawal();
    this.#setWithdrawn(true);
    this.#cancelWithdrawal = this.#options.clock.after(WITHDRAWN_MAX_MS, () => this.#setWithdrawn(false));
  }

  #setWithdrawn(isWithdrawn: boolean): void {
    if (this.#stopped) return;
    this.#withdrawn = isWithdrawn;
    this.#dataPath.withdraw?.(isWithdrawn);
    this.#options.log.info(isWithdrawn ? 'withdrawn: not ready, still serving' : 'not replaced: ready again');
  }

  /** The app is gone: accepts nothing new, lets what is in flight end, at most as long as the grace period. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#draining = true;
    this.#cancelTimer();
    this.#cancelWithdrawal();
    await Promise.race([this.#dataPath.drain(), this.#graceOver()]).catch((error) => {
      this.#options.log.error('draining failed', { error });
    });
    await this.#dataPath.stop();
    await this.#control.stop();
    this.#cancelTimer();
    this.#metrics.stop();
    this.#socket.close();
    this.admin.close();
  }

  #graceOver(): Promise<void> {
    const { clock, settings } = this.#options;
    const graceMs = this.#withdrawn ? Math.min(settings.graceMs, REPLACED_GRACE_MS) : settings.graceMs;
    return new Promise((resolve) => {
      this.#cancelTimer = clock.after(graceMs, resolve);
    });
  }

  #configured(config: ProxyConfig): void {
    const { settings } = this.#options;
    const admin = config.listeners?.admin;
    if (settings.adminAddress === undefined && admin !== undefined) {
      this.admin.listen({ host: admin.address, port: admin.port });
    }
    if (this.#listening === 'no') void this.#bind(config);
  }

  async #bind(config: ProxyConfig): Promise<void> {
    if (this.#stopped) return;
    this.#listening = 'starting';
    try {
      await this.#dataPath.start(config);
      this.#listening = 'yes';
      this.#bindReason = undefined;
      this.#options.log.info('the listeners are bound');
    } catch (error) {
      this.#listening = 'no';
      this.#bindReason = `the listeners cannot be bound: ${messageOf(error)}`;
      this.#options.log.error('the listeners cannot be bound', { error });
      this.#cancelTimer = this.#options.clock.after(BIND_RETRY_MS, () => {
        const newest = this.#control.state.config;
        if (this.#listening === 'no' && newest !== undefined) void this.#bind(newest);
      });
    }
  }

  *#metricSlices(): Iterable<string> {
    yield* this.#dataPath.metricSlices();
    yield* this.#metrics.slices();
  }

  /** Names every field, so that a key cannot slip in with a new one. */
  #describe(): unknown {
    const { state, arbiter, destinations, streamIsUp } = this.#control;
    const { identity, config } = state;
    return {
      proxyId: this.#options.settings.proxyId,
      ready: this.reasons().length === 0,
      reasons: this.reasons(),
      stream: streamIsUp ? 'up' : 'down',
      rejected: arbiter.rejected,
      identity: identity && {
        spiffeId: identity.spiffeId,
        ...describeCertificate(identity),
      },
      config,
      destinations: destinations.known(),
    };
  }
}

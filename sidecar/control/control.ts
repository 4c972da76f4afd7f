import { mkdir } from 'node:fs/promises';
import type { ProxyConfig } from '../../api/proxy-config.ts';
import type { OperatorMessage, SidecarMessage } from '../../api/stream.ts';
import { patienceMs } from '../guarded.ts';
import { type Log, messageOf } from '../log.ts';
import { parseReachable, type Settings } from '../settings.ts';
import { Arbiter } from './arbiter.ts';
import { type Clock, TIMER_MAX_MS } from './clock.ts';
import { Destinations } from './destination-table.ts';
import type { ControlPlaneTarget } from './dial.ts';
import { FirstIdentity, type FirstIdentityAnswer } from './first-identity.ts';
import { Mount, type Mounted } from './mount.ts';
import { AppliedState } from './proxy-state.ts';
import { Snapshots } from './snapshots.ts';
import { StreamClient } from './stream-client.ts';
import { rootsOf } from './trust-bundle.ts';
import { readVersion } from './version.ts';

export interface ControlOptions {
  readonly settings: Settings;
  /** name and version, for the control plane's eyes */
  readonly agent: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

type Delivery = Exclude<OperatorMessage, { type: 'ping' | 'error' }>;

const REASON_MAX_CHARACTERS = 1024;

/**
 * Wires the sources to what is in force: first the snapshot, then the mount, then the stream, which wins while
 * it is up. Without a usable identity it asks for one with the projected token.
 */
export class Control {
  readonly state: AppliedState;
  readonly destinations: Destinations;
  readonly arbiter: Arbiter;
  readonly #options: ControlOptions;
  readonly #mount: Mount;
  readonly #stream: StreamClient;
  readonly #firstIdentity: FirstIdentity;
  readonly #snapshots: Snapshots;
  #mounted: Mounted = { kind: 'absent' };
  #mountedOffered = false;
  #savedTrustBundle: string | undefined;
  /** Infinity: it is up, or nobody has tried yet */
  #downSinceMs = Number.POSITIVE_INFINITY;
  #dialled = '';
  #cancelExpiry: () => void = () => {};
  #stopped = false;

  constructor(options: ControlOptions) {
    const { settings, clock, random, log } = options;
    const { proxyId, stateDir, proxyDir, tokenFile } = settings;
    this.#options = options;
    const waitMs = () => this.#patienceMs();
    this.destinations = new Destinations({ clock, link: this.#link(), waitMs });
    this.state = new AppliedState(this.destinations, log);
    this.arbiter = new Arbiter({ state: this.state, proxyId, clock, log });
    this.#mount = new Mount({
      directory: proxyDir,
      proxyId,
      clock,
      onChange: (now) => this.#mountChanged(now),
    });
    this.#snapshots = new Snapshots({
      ...{ stateDir, proxyId, clock, log },
      core: () => ({
        history: this.arbiter.history,
        config: this.state.config,
        identity: this.state.identity,
      }),
      destinations: () => this.destinations.known(),
    });
    this.#stream = new StreamClient({ handler: this.#streamHandler(), clock, random, log });
    this.#firstIdentity = new FirstIdentity({
      ...{ proxyId, tokenFile, clock, random, log },
      target: () => this.#tokenTarget(),
      onAnswer: (answer) => this.#identityAnswered(answer),
    });
  }

  /** Resolves when everything on this machine has been read; what the network brings comes later. */
  async start(): Promise<void> {
    await mkdir(this.#options.settings.stateDir, { recursive: true, mode: 0o700 }).catch((error) =>
      this.#options.log.warn('there is no place for a snapshot', { reason: messageOf(error) }),
    );
    const core = await this.#snapshots.loadCore();
    // first: with a configuration in force the listeners are bound, and the app has been calling all the time
    this.destinations.restore(await this.#snapshots.loadDestinations());
    this.#savedTrustBundle = core.identity?.trustBundle;
    this.arbiter.restore(core);
    this.#mountChanged(await this.#mount.start());
    this.destinations.start();
    this.#identityChanged();
    this.#stream.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelExpiry();
    this.#mount.stop();
    this.#firstIdentity.stop();
    this.#stream.stop();
    this.destinations.stop();
    await this.#snapshots.flush();
  }

  get streamIsUp(): boolean {
    return this.#stream.isUp;
  }

  /** Why there is nothing in force yet; empty when configuration and identity are. */
  reasons(): string[] {
    const mount = this.#mounted.kind === 'invalid' ? this.#mounted.reason : undefined;
    const why = this.arbiter.reason ?? mount ?? this.#firstIdentity.reason ?? 'nothing has been received yet';
    return [
      ...(this.state.config === undefined ? [`no configuration: ${why}`] : []),
      ...(this.state.identity === undefined ? [`no identity: ${this.#firstIdentity.reason ?? why}`] : []),
    ];
  }

  #link() {
    return {
      isUp: () => this.#stream.isUp,
      canAsk: () => this.#options.clock.nowMs() - this.#downSinceMs < this.#patienceMs(),
      subscribe: (key: string) => this.#stream.send({ type: 'subscribe', key }),
      unsubscribe: (key: string) => this.#stream.send({ type: 'unsubscribe', key }),
    };
  }

  /** Streams end every day and are back in a moment: so long a first call waits for it, and for the answer. */
  #patienceMs(): number {
    return patienceMs(this.state.config);
  }

  #mountChanged(mounted: Mounted): void {
    this.#mounted = mounted;
    this.#mountedOffered = false;
    if (mounted.kind === 'invalid') this.arbiter.refuse(mounted.reason, 'mount');
    if (mounted.kind === 'valid') {
      // who has a stream was told newer ones, or that there is none
      if (!this.#stream.isUp) this.destinations.restore(mounted.destinations);
      this.#offerIdentity(mounted.identity, 'mount');
      if (!this.#stream.isUp) this.#offerMountedConfig();
    }
  }

  #offerMountedConfig(): void {
    if (this.#mounted.kind !== 'valid' || this.#mountedOffered) return;
    this.#mountedOffered = true;
    const { outcome } = this.arbiter.offerConfig(this.#mounted.config, 'mount');
    if (outcome === 'applied') void this.#configChanged();
  }

  #offerIdentity(texts: unknown, source: 'mount' | 'stream') {
    const verdict = this.arbiter.offerIdentity(texts, source, this.#stream.isUp);
    if (verdict.outcome === 'applied') this.#identityApplied();
    return verdict;
  }

  /** The roots are acknowledged once they would survive a restart. */
  #identityApplied(): void {
    const saved = this.#snapshots.saveCore();
    this.#identityChanged();
    void saved.then(() => this.#acknowledgeRoots());
  }

  #acknowledgeRoots(): void {
    const { identity } = this.state;
    if (identity !== undefined && !this.#stopped) {
      this.#stream.send({ type: 'trusts', roots: rootsOf(identity.trustBundle) });
    }
  }

  #takeBundle(trustBundle: unknown): void {
    if (this.arbiter.offerBundle(trustBundle, 'stream').outcome === 'applied') this.#identityApplied();
    else this.#acknowledgeRoots();
  }

  /** Resolves when it is on disk. */
  #configChanged(): Promise<void> {
    if (this.#dialled !== JSON.stringify(this.#controlPlane())) this.#stream.restart();
    return this.#snapshots.saveCore();
  }

  #identityChanged(): void {
    if (this.#stopped) return;
    this.#cancelExpiry();
    const leftMs = (this.state.identity?.notAfterMs ?? 0) - this.#options.clock.nowMs();
    if (leftMs <= 0) {
      this.#firstIdentity.start();
      return;
    }
    this.#firstIdentity.stop();
    if (!this.#stream.isUp) this.#stream.restart();
    // setTimeout holds 24 days; looking again does no harm
    this.#cancelExpiry = this.#options.clock.after(Math.min(leftMs, TIMER_MAX_MS), () =>
      this.#identityChanged(),
    );
  }

  #identityAnswered(answer: FirstIdentityAnswer): void {
    const verdict = this.#offerIdentity(answer.identity, 'stream');
    if (verdict.outcome === 'refused') throw new Error(verdict.reason);
    if (answer.config !== undefined) this.#take(answer.config);
  }

  #streamHandler() {
    return {
      target: () => this.#streamTarget(),
      greeting: () => this.#greeting(),
      onMessage: (message: Delivery) => this.#take(message),
      onUp: () => {
        this.#downSinceMs = Number.POSITIVE_INFINITY;
      },
      onDown: () => {
        this.#downSinceMs = Math.min(this.#downSinceMs, this.#options.clock.nowMs());
        this.#offerMountedConfig();
      },
    };
  }

  *#greeting(): Iterable<SidecarMessage> {
    const { settings, agent } = this.#options;
    const version = this.state.config?.version;
    const { identity } = this.state;
    const roots = identity === undefined ? [] : rootsOf(identity.trustBundle);
    yield { type: 'hello', proxyId: settings.proxyId, agent, ...(version && { version }), roots };
    for (const key of this.destinations.keys()) yield { type: 'subscribe', key };
  }

  #take(message: Delivery): void {
    if (message.type === 'identity') this.#offerIdentity(message, 'stream');
    else if (message.type === 'trust-bundle') this.#takeBundle(message.trustBundle);
    else if (message.type === 'destination') this.#takeDestination(message.key, message.destination);
    else void this.#takeConfig(message.config);
  }

  async #takeConfig(config: ProxyConfig): Promise<void> {
    const verdict = this.arbiter.offerConfig(config, 'stream');
    if (verdict.outcome === 'applied') await this.#configChanged();
    const version = readVersion(config?.version);
    if (version === undefined) return;
    if ('reason' in verdict) {
      this.#stream.send({ type: 'nack', version, reason: verdict.reason.slice(0, REASON_MAX_CHARACTERS) });
    } else {
      this.#stream.send({ type: 'ack', version });
    }
  }

  #takeDestination(key: string, destination: unknown): void {
    const isLearned = !this.destinations.has(key);
    const received = this.destinations.receive(key, destination);
    if (received.type !== 'nack') this.#snapshots.saveDestinationsSoon(isLearned);
    if (received.type !== 'none') this.#stream.send({ ...received, destination: key });
  }

  #streamTarget(): ControlPlaneTarget | undefined {
    const { identity } = this.state;
    const where = this.#controlPlane();
    if (identity === undefined || where === undefined) return undefined;
    this.#dialled = JSON.stringify(where);
    return { ...where, trustBundle: identity.trustBundle, client: identity };
  }

  /**
   * Roots may have been rotated since this pod was made, so the last known ones count as well, and those of a
   * mounted Secret whose certificate has expired.
   */
  #tokenTarget(): ControlPlaneTarget | undefined {
    const where = this.#controlPlane();
    const bundles = [
      this.#options.settings.trustBundle,
      this.state.identity?.trustBundle ?? this.#savedTrustBundle,
      this.#mounted.trustBundle,
    ].filter((bundle) => bundle !== undefined);
    if (where === undefined || bundles.length === 0) return undefined;
    return { ...where, trustBundle: bundles.join('\n'), client: undefined };
  }

  #controlPlane(): { host: string; port: number; spiffeId: string } | undefined {
    const { settings } = this.#options;
    const configured = this.state.config?.controlPlane;
    if (configured !== undefined) {
      return { ...parseReachable(configured.address), spiffeId: configured.spiffeId };
    }
    return settings.controlPlane;
  }
}

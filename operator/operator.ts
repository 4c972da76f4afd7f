import { formatAddress, type ListenAddress } from './arguments.ts';
import { keepInForce } from './compile/keep-in-force.ts';
import type { Authority } from './identity/authority.ts';
import { IssuerError } from './identity/issuer-error.ts';
import { OwnLeaf } from './identity/own-leaf.ts';
import type { RootRotation } from './identity/root-rotation.ts';
import { keySetFetcher } from './key-set-fetcher.ts';
import type { FetchKeySet } from './keysets/fetch-key-set.ts';
import { KeySets } from './keysets/key-sets.ts';
import { describeError } from './log.ts';
import { Dirty } from './mesh/dirty.ts';
import { Mesh } from './mesh/mesh.ts';
import type { Change, MeshSettings, Workload } from './mesh/model.ts';
import { type OwnIdentity, type OwnIdentityOptions, openOwnIdentity } from './own-identity.ts';
import type { Platform } from './platform.ts';
import { AckTable } from './publish/acks.ts';
import { DestinationCache } from './publish/destination-cache.ts';
import { DuplicateReporter } from './publish/duplicates.ts';
import { Identities } from './publish/identities.ts';
import { Prewarming } from './publish/prewarming.ts';
import { Publisher } from './publish/publisher.ts';
import { StatusWriter } from './publish/status-writer.ts';
import { StreamServer } from './publish/stream.ts';
import { lateSource, type StreamSource } from './publish/stream-source.ts';
import { Window } from './publish/window.ts';
import { AckReports } from './replicas/ack-reports.ts';
import { Replicas } from './replicas/replicas.ts';
import { whoVerifies } from './replicas/who-verifies.ts';

export interface OperatorOptions extends OwnIdentityOptions {
  readonly platform: Platform;
  /** where the stream listens; port 0: any */
  readonly listen: ListenAddress;
  /** host:port as sidecars reach it; absent: where it listens */
  readonly streamAddress?: string;
  /** PEM of roots that servers of key sets may have, beside the public ones */
  readonly jwksRoots?: string;
  /** host of the API server, which no policy may lead the operator to */
  readonly apiServerHost?: string;
  /** for tests; absent: over https, to addresses that are nobody's own */
  readonly fetchKeySet?: FetchKeySet;
}

/** A policy that changes a hundred times a second reaches sidecars twenty times. */
const PUBLISH_WINDOW_MS = 50;
const RENEWAL_CHECK_MAX_MS = 30_000;
const RENEWAL_CHECKS_A_LIFETIME = 20;

/**
 * The operator, whatever it runs on: changes come in from the platform, mark keys, and what depends on those is
 * compiled, pushed and written.
 */
export class Operator {
  readonly authority: Authority;
  /** host:port as sidecars reach the stream */
  readonly streamAddress: string;
  readonly #options: OperatorOptions;
  readonly #mesh: Mesh;
  readonly #streams: StreamServer;
  readonly #publisher: Publisher;
  readonly #statuses: StatusWriter;
  readonly #destinations: DestinationCache;
  readonly #prewarming: Prewarming;
  readonly #acks: AckTable;
  readonly #replicas: Replicas;
  readonly #duplicates: DuplicateReporter;
  readonly #ownLeaf: OwnLeaf;
  readonly #rotation: RootRotation;
  readonly #keySets: KeySets;
  /** marked since the last publication */
  #dirty = new Dirty();
  /** until everything that exists was delivered: half a mesh must not be published */
  #isKnown = false;
  readonly #window: Window;

  /** Resolves when the mesh is known, published, and sidecars are served. */
  static async start(options: OperatorOptions): Promise<Operator> {
    const early: Change[] = [];
    let apply = (changes: readonly Change[]) => {
      for (const change of changes) early.push(change);
    };
    const delivered = options.platform.start((changes) => apply(changes));
    try {
      await delivered;
      let known: Operator | undefined;
      const observe = () => known && whoVerifies(known.#mesh, known.#replicas);
      const identity = await openOwnIdentity(options, observe);
      const operator = await Operator.#create(options, identity);
      apply = (changes) => operator.apply(changes);
      operator.apply(early);
      known = operator;
      await operator.#keySets.restore();
      operator.#published();
      return operator;
    } catch (error) {
      await options.platform.stop();
      throw error;
    }
  }

  static async #create(options: OperatorOptions, identity: OwnIdentity): Promise<Operator> {
    const { trustDomain, controlPlaneNamespace, clock, random, log, listen } = options;
    const { authority, rotation, request, leaf } = identity;
    let operator: Operator | undefined;
    const acks = new AckTable(
      () => clock.unixMs(),
      (workload, destination) => operator?.acknowledged(workload, destination),
    );
    const reports = new AckReports(
      clock,
      (workload) => operator?.reported(workload),
      () => operator?.reported(),
    );
    const source = lateSource(() => operator?.source);
    const streams = new StreamServer({
      ...{ authority, leaf, trustDomain, source, acks, reports, clock, random, log },
      operatorSpiffeId: request.spiffeId,
    });
    const address = await streams.listen(listen.host, listen.port);
    const settings = {
      ...{ trustDomain, controlPlaneNamespace },
      streamAddress: options.streamAddress ?? formatAddress(address),
    };
    const ownLeaf = new OwnLeaf({
      ...{ authority, request, leaf, clock, random, store: options.platform.issuer },
      onRenew: (renewed) => streams.renew(authority, renewed),
      onError: (error) => {
        // an issuer elsewhere has been complained of
        const level = error instanceof IssuerError ? 'debug' : 'error';
        log[level]({ error: describeError(error) }, 'the operator’s certificate was not renewed');
      },
    });
    operator = new Operator(options, {
      ...{ authority, rotation, settings, streams, acks, reports, ownLeaf },
      port: address.port,
    });
    return operator;
  }

  private constructor(options: OperatorOptions, parts: Parts) {
    const { platform, clock, random, log, trustDomain } = options;
    const { authority, rotation, settings, streams, acks, reports, ownLeaf, port } = parts;
    this.#options = options;
    this.authority = authority;
    this.streamAddress = settings.streamAddress;
    const mesh = new Mesh(settings);
    const read = (workload: Workload) => platform.readProxy(workload);
    const identities = new Identities({ authority, trustDomain, clock, random, read });
    const publisher = new Publisher({
      ...{ mesh, platform, identities, push: streams, clock, random, log },
      prewarmed: (workload) => this.#prewarming.textFor(workload),
      renewalCheckMs: Math.min(RENEWAL_CHECK_MAX_MS, authority.leafLifetimeMs / RENEWAL_CHECKS_A_LIFETIME),
    });
    this.#mesh = mesh;
    this.#streams = streams;
    this.#publisher = publisher;
    const { leadership } = platform;
    this.#acks = acks;
    this.#replicas = new Replicas({
      ...{ mesh, leadership, acks, reports, authority, port, clock, random, log },
      leaf: () => ownLeaf.current,
      onChange: () => this.#statuses.refreshAll(),
    });
    this.#statuses = new StatusWriter({
      ...{ mesh, platform, publisher, clock, random, log },
      acks: this.#replicas,
      isReplaying: () => this.#replicas.isReplaying(),
    });
    this.#destinations = new DestinationCache(mesh);
    this.#prewarming = new Prewarming({
      ...{ mesh, acks: this.#replicas, nowMs: () => clock.monotonicMs() },
      destination: (key, workload) => this.#destinations.get(key, workload),
    });
    this.#duplicates = new DuplicateReporter(mesh, platform, log);
    this.#ownLeaf = ownLeaf;
    this.#rotation = rotation;
    authority.onChange(() => this.#trustChanged());
    this.#window = new Window(clock, PUBLISH_WINDOW_MS, () => this.#publish());
    this.#keySets = new KeySets({
      ...{ mesh, clock, random, log, readProxy: read },
      fetch: options.fetchKeySet ?? keySetFetcher(options, mesh),
      apply: (changes) => this.apply(changes),
    });
    this.source = {
      find: (proxyId) => mesh.workloadByProxyId(proxyId),
      config: (workload) => publisher.told(workload.key),
      destination: (key, workload) => this.#destinations.get(key, workload),
      identity: (workload) => identities.current(workload),
      trust: () => authority,
      ensureIdentity: (workload) => publisher.ensureIdentity(workload),
      reviewToken: (token) => platform.reviewToken(token),
    };
  }
  readonly source: StreamSource;

  /**
   * Synchronous and cheap: marks; what is marked is compiled and pushed at once, or in a storm of changes once a
   * window. Writing comes later.
   */
  apply(changes: readonly Change[]): void {
    const dirty = this.#mesh.apply(keepInForce(this.#mesh, changes));
    if (dirty.isEmpty) return;
    this.#dirty.add(dirty);
    this.#destinations.changed(dirty.hosts);
    if (this.#isKnown) this.#window.ask();
  }

  /** What a sidecar of this replica holds has changed. */
  acknowledged(workload: string, destination: string | undefined): void {
    this.#replicas.changed(workload, destination);
    this.#statuses.workloadChanged(workload);
  }
  /** @param workload whose sidecar, at another replica, holds something else now; undefined: any */
  reported(workload?: string): void {
    if (workload === undefined) this.#statuses.refreshAll();
    else this.#statuses.workloadChanged(workload);
  }

  metrics(): Record<string, number> {
    return {
      weft_operator_streams: this.#streams.size,
      weft_operator_workloads: this.#publisher.keys().length,
      weft_operator_policies: this.#mesh.policies().length,
      weft_operator_leader: Number(this.#options.platform.leadership.isLeader),
      ...this.#rotation.metrics(),
    };
  }

  async stop(): Promise<void> {
    this.#window.close();
    this.#rotation.stop();
    this.#ownLeaf.stop();
    this.#keySets.stop();
    this.#replicas.stop();
    this.#publisher.stop();
    this.#statuses.stop();
    await this.#streams.close();
    await this.#options.platform.stop();
  }

  #published(): void {
    this.#isKnown = true;
    this.#publisher.start();
    this.#window.ask();
    this.#replicas.start();
    this.#statuses.start();
    this.#keySets.start();
    this.#rotation.start();
  }

  /** Other roots are trusted, or another one signs: for handshakes from now on, and told to everybody. */
  #trustChanged(): void {
    this.#streams.renew(this.authority, this.#ownLeaf.current);
    this.#streams.trustChanged();
    this.#publisher.trustChanged();
    this.#replicas.rootsChanged();
  }

  /** Everything in the state it is in now, whole: what came and went meanwhile nobody gets to see. */
  #publish(): void {
    const dirty = this.#dirty;
    this.#dirty = new Dirty();
    try {
      this.#tell(dirty);
    } catch (error) {
      this.#dirty.add(dirty);
      const { log } = this.#options;
      log.error({ error: describeError(error) }, 'changes were not published; they will be with the next');
    }
  }

  #tell(dirty: Dirty): void {
    this.#publisher.refresh(dirty.workloads);
    this.#streams.hostsChanged(dirty.hosts);
    this.#streams.consumersChanged(dirty.consumers);
    this.#statuses.refresh(dirty.policies);
    for (const key of dirty.workloads) this.#workloadChanged(key);
    this.#keySets.policiesChanged(dirty.policies);
    this.#duplicates.check();
  }

  #workloadChanged(key: string): void {
    if (this.#mesh.workload(key) === undefined) this.#acks.forget(key);
    this.#statuses.workloadChanged(key);
  }
}

interface Parts {
  readonly authority: Authority;
  readonly rotation: RootRotation;
  readonly settings: MeshSettings;
  readonly streams: StreamServer;
  readonly acks: AckTable;
  readonly reports: AckReports;
  readonly port: number;
  readonly ownLeaf: OwnLeaf;
}

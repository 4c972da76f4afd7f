import type { AddressInfo } from 'node:net';
import type { ListenAddress } from './arguments.ts';
import type { Clock } from './clock.ts';
import { canonicalJson } from './compile/canonical-json.ts';
import { operatorSpiffeId } from './compile/proxy-config.ts';
import { Authority, createRoot, DEFAULT_LEAF_LIFETIME_MS } from './identity/authority.ts';
import { OwnLeaf } from './identity/own-leaf.ts';
import { describeError, type Log } from './log.ts';
import { Dirty } from './mesh/dirty.ts';
import { Mesh } from './mesh/mesh.ts';
import type { Change, MeshSettings, Workload } from './mesh/model.ts';
import type { Platform } from './platform.ts';
import { AckTable } from './publish/acks.ts';
import { DestinationCache } from './publish/destination-cache.ts';
import { DuplicateReporter } from './publish/duplicates.ts';
import { Identities } from './publish/identities.ts';
import { Publisher } from './publish/publisher.ts';
import { StatusWriter } from './publish/status-writer.ts';
import { StreamServer } from './publish/stream.ts';
import type { StreamSource } from './publish/stream-source.ts';
import { AckReports } from './replicas/ack-reports.ts';
import { Replicas } from './replicas/replicas.ts';
import { awaitRoot } from './root.ts';

export interface OperatorOptions {
  readonly platform: Platform;
  readonly trustDomain: string;
  readonly controlPlaneNamespace: string;
  /** where the stream listens; port 0: any */
  readonly listen: ListenAddress;
  /** host:port as sidecars reach it; absent: where it listens */
  readonly streamAddress?: string;
  /** names of the operator's Service, for its own certificate */
  readonly dnsNames?: readonly string[];
  readonly leafLifetimeMs?: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

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
  readonly #acks: AckTable;
  readonly #replicas: Replicas;
  readonly #duplicates: DuplicateReporter;
  readonly #ownLeaf: OwnLeaf;
  /** until everything that exists was delivered: half a mesh must not be published */
  #unpublished: Dirty | undefined = new Dirty();

  /** Resolves when the mesh is known, published, and sidecars are served. */
  static async start(options: OperatorOptions): Promise<Operator> {
    const early: Change[] = [];
    let apply = (changes: readonly Change[]) => {
      for (const change of changes) early.push(change);
    };
    const stop = new AbortController();
    const delivered = options.platform.start((changes) => apply(changes));
    try {
      await delivered;
      const root = await awaitRoot(options.platform, options.clock, stop.signal, () =>
        createRoot(options.trustDomain, options.clock.unixMs()),
      );
      const authority = await Authority.load(root, options.leafLifetimeMs ?? DEFAULT_LEAF_LIFETIME_MS);
      const operator = await Operator.#create(options, authority);
      apply = (changes) => operator.apply(changes);
      operator.apply(early);
      operator.#published();
      return operator;
    } catch (error) {
      await options.platform.stop();
      throw error;
    }
  }

  static async #create(options: OperatorOptions, authority: Authority): Promise<Operator> {
    const { trustDomain, controlPlaneNamespace, clock, random, log, listen } = options;
    const spiffeId = operatorSpiffeId({ trustDomain, controlPlaneNamespace, streamAddress: '' });
    const request = { spiffeId, dnsNames: options.dnsNames ?? [] };
    const leaf = await authority.issue(request, clock.unixMs());
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
    const source = lateSource(() => operator);
    const streams = new StreamServer({
      ...{ authority, leaf, trustDomain, source, acks, reports, clock, random, log },
      operatorSpiffeId: spiffeId,
    });
    const address = await streams.listen(listen.host, listen.port);
    const settings = {
      ...{ trustDomain, controlPlaneNamespace },
      streamAddress: options.streamAddress ?? formatAddress(address),
    };
    const ownLeaf = new OwnLeaf({
      ...{ authority, request, leaf, clock, random },
      onRenew: (renewed) => streams.renew(authority, renewed),
      onError: (error) =>
        log.error({ error: describeError(error) }, 'the operator’s certificate was not renewed'),
    });
    operator = new Operator(options, {
      ...{ authority, settings, streams, acks, reports, ownLeaf },
      port: address.port,
    });
    return operator;
  }

  private constructor(options: OperatorOptions, parts: Parts) {
    const { platform, clock, random, log, trustDomain } = options;
    const { authority, settings, streams, acks, reports, ownLeaf, port } = parts;
    this.#options = options;
    this.authority = authority;
    this.streamAddress = settings.streamAddress;
    const mesh = new Mesh(settings);
    const read = (workload: Workload) => platform.readProxy(workload);
    const identities = new Identities({ authority, trustDomain, clock, random, read });
    const publisher = new Publisher({ mesh, platform, identities, push: streams, clock, random, log });
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
    this.#duplicates = new DuplicateReporter(mesh, platform, log);
    this.#ownLeaf = ownLeaf;
    this.source = {
      find: (proxyId) => mesh.workloadByProxyId(proxyId),
      config: (workload) => {
        const published = publisher.published(workload.key);
        return published && { version: published.config.version, text: published.text };
      },
      destination: (key, workload) => this.#destinations.get(key, workload),
      identity: (workload) => identities.current(workload),
      ensureIdentity: (workload) => publisher.ensureIdentity(workload),
      reviewToken: (token) => platform.reviewToken(token),
    };
  }
  readonly source: StreamSource;

  /** Synchronous and cheap: marks, compiles what is marked, pushes. Writing comes later. */
  apply(changes: readonly Change[]): void {
    const dirty = this.#mesh.apply(changes);
    if (this.#unpublished !== undefined) this.#unpublished.add(dirty);
    else this.#publish(dirty);
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
    };
  }

  async stop(): Promise<void> {
    this.#ownLeaf.stop();
    this.#replicas.stop();
    this.#publisher.stop();
    this.#statuses.stop();
    await this.#streams.close();
    await this.#options.platform.stop();
  }

  #published(): void {
    const dirty = this.#unpublished!;
    this.#unpublished = undefined;
    this.#publisher.start();
    this.#publish(dirty);
    this.#replicas.start();
    this.#statuses.start();
  }

  #publish(dirty: Dirty): void {
    if (dirty.isEmpty) return;
    this.#destinations.changed(dirty.hosts);
    this.#publisher.refresh(dirty.workloads);
    this.#streams.hostsChanged(dirty.hosts);
    this.#statuses.refresh(dirty.policies);
    for (const key of dirty.workloads) this.#workloadChanged(key);
    this.#duplicates.check();
  }

  #workloadChanged(key: string): void {
    if (this.#mesh.workload(key) === undefined) this.#acks.forget(key);
    this.#statuses.workloadChanged(key);
  }
}

interface Parts {
  readonly authority: Authority;
  readonly settings: MeshSettings;
  readonly streams: StreamServer;
  readonly acks: AckTable;
  readonly reports: AckReports;
  readonly port: number;
  readonly ownLeaf: OwnLeaf;
}

/** The server listens before the mesh is there, because the mesh tells sidecars where it listens. */
function lateSource(operator: () => Operator | undefined): StreamSource {
  return {
    find: (proxyId) => operator()?.source.find(proxyId),
    config: (workload) => operator()?.source.config(workload),
    destination: (key, workload) =>
      operator()?.source.destination(key, workload) ?? { version: undefined, text: canonicalJson(null) },
    identity: (workload) => operator()?.source.identity(workload),
    ensureIdentity(workload) {
      const source = operator()?.source;
      return source === undefined ? Promise.reject(new Error('starting')) : source.ensureIdentity(workload);
    },
    reviewToken: async (token) => operator()?.source.reviewToken(token),
  };
}

function formatAddress({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
}

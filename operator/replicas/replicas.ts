import type { Clock } from '../clock.ts';
import { operatorSpiffeId } from '../compile/proxy-config.ts';
import type { Authority, Leaf } from '../identity/authority.ts';
import type { Log } from '../log.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Leadership } from '../platform.ts';
import type { Acks, AckTable, ProxyAcks } from '../publish/acks.ts';
import { AckReporter, type Target } from './ack-reporter.ts';
import { type AckReports, newer } from './ack-reports.ts';
import { addressOfReplica, readyPeers } from './peers.ts';
import { ReplayWatch } from './replay-watch.ts';
import { ReportConnection } from './report-connection.ts';

export interface ReplicasOptions {
  readonly mesh: Mesh;
  readonly leadership: Leadership;
  /** of this replica's own streams */
  readonly acks: AckTable;
  readonly reports: AckReports;
  readonly authority: Authority;
  /** the operator's own, the one in use now */
  readonly leaf: () => Leaf;
  /** where replicas serve their streams: the same on all */
  readonly port: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** whether all replicas have replayed is another than it was */
  readonly onChange: () => void;
}

const CHECK_MS = 1_000;

/** All replicas as one: followers report what their sidecars hold, the leader looks at everything. */
export class Replicas implements Acks {
  readonly #options: ReplicasOptions;
  readonly #reporter: AckReporter;
  readonly #watch: ReplayWatch;
  #wasReplaying = false;
  #cancel: () => void = () => {};

  constructor(options: ReplicasOptions) {
    const { mesh, leadership, reports, clock, random, log } = options;
    const { identity } = leadership;
    this.#options = options;
    this.#reporter = new AckReporter({
      target: () => this.#leader(),
      dial: (target, onClose) => this.#dial(target, onClose),
      ...{ clock, random, log },
    });
    this.#watch = new ReplayWatch({
      peers: () => (identity === undefined ? [] : readyPeers(mesh, identity)),
      hasReplayed: (name) => reports.hasReplayed(name),
      nowMs: () => clock.monotonicMs(),
    });
  }

  start(): void {
    this.#options.leadership.onChange(() => this.#watch.reset());
    this.#reporter.start();
    this.#check();
  }
  stop(): void {
    this.#cancel();
    this.#reporter.stop();
    this.#options.reports.stop();
  }

  get(workload: string): ProxyAcks | undefined {
    return newer(this.#options.acks.get(workload), this.#options.reports.get(workload));
  }
  /** The leader does not know everything yet. */
  isReplaying(): boolean {
    return this.#watch.isReplaying();
  }
  /** Something in the table of this replica. */
  changed(workload: string, destination: string | undefined): void {
    this.#reporter.changed(workload, destination);
  }

  /** The authority trusts other roots than before. */
  rootsChanged(): void {
    this.#reporter.rootsChanged();
  }
  /** What the other ready replicas trust, as they say, by their names. */
  peerRoots(): Map<string, readonly string[] | undefined> {
    const { mesh, leadership, reports } = this.#options;
    const names = leadership.identity === undefined ? [] : readyPeers(mesh, leadership.identity);
    return new Map(names.map((name) => [name, reports.rootsOf(name)]));
  }

  #check(): void {
    const isReplaying = this.isReplaying();
    if (isReplaying !== this.#wasReplaying) this.#options.onChange();
    this.#wasReplaying = isReplaying;
    this.#cancel = this.#options.clock.after(CHECK_MS, () => this.#check());
  }

  #leader(): Target | undefined {
    const { leadership, mesh, port } = this.#options;
    const { leader, identity, isLeader } = leadership;
    if (isLeader || leader === undefined || leader === identity) return undefined;
    const host = addressOfReplica(mesh, leader);
    return host === undefined ? undefined : { host, port };
  }

  #dial({ host, port }: Target, onClose: (reason: string) => void): ReportConnection {
    const { leadership, acks, authority, leaf, mesh, clock } = this.#options;
    const { settings } = mesh;
    return new ReportConnection({
      ...{ host, port, acks, authority, clock, onClose },
      name: leadership.identity!,
      leaf: leaf(),
      trustDomain: settings.trustDomain,
      operatorSpiffeId: operatorSpiffeId(settings),
    });
  }
}

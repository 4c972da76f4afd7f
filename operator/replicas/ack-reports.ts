import type { Clock } from '../clock.ts';
import type { Acks, ProxyAcks } from '../publish/acks.ts';
import { ReplicaTable } from './replica-table.ts';

/** How long what a replica said outlives its connection: longer than a reconnect, shorter than a pod's death. */
export const KEEP_MS = 3_000;
const REPLICAS_MAX = 16;

interface Replica {
  readonly table: ReplicaTable;
  /** the connection that may speak for it; undefined: none, and it is about to be dropped */
  speaker: object | undefined;
  cancelDrop: () => void;
}

/** What other replicas report, by the name of their pod. Only the leader has any use for it. */
export class AckReports implements Acks {
  readonly #replicas = new Map<string, Replica>();
  readonly #clock: Clock;
  readonly #onChange: (workload: string) => void;
  readonly #onReset: () => void;

  /** @param onReset a whole replica was replayed or dropped */
  constructor(clock: Clock, onChange: (workload: string) => void, onReset: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#onReset = onReset;
  }

  /** The newest of what the replicas say: a sidecar moves from one to another. */
  get(workload: string): ProxyAcks | undefined {
    let newest: ProxyAcks | undefined;
    for (const { table } of this.#replicas.values()) newest = newer(newest, table.get(workload));
    return newest;
  }

  hasReplayed(name: string): boolean {
    return this.#replicas.get(name)?.table.hasReplayed ?? false;
  }

  /** Undefined: the replica has not said what it trusts. */
  rootsOf(name: string): readonly string[] | undefined {
    return this.#replicas.get(name)?.table.roots;
  }

  /**
   * A replica begins a report; one it began before counts no longer. Undefined: too many replicas.
   * @param speaker tells its connections apart
   */
  open(name: string, speaker: object): ReplicaTable | undefined {
    const known = this.#replicas.get(name);
    if (known === undefined && this.#replicas.size >= REPLICAS_MAX) return undefined;
    const table = known?.table ?? new ReplicaTable(this.#onChange);
    known?.cancelDrop();
    table.restart();
    this.#replicas.set(name, { table, speaker, cancelDrop: () => {} });
    return table;
  }

  speaks(name: string, speaker: object): boolean {
    return this.#replicas.get(name)?.speaker === speaker;
  }

  replayed(): void {
    this.#onReset();
  }

  /** Drops what it said a little later, unless it comes back. */
  close(name: string, speaker: object): void {
    const replica = this.#replicas.get(name);
    if (replica?.speaker !== speaker) return;
    replica.speaker = undefined;
    replica.cancelDrop = this.#clock.after(KEEP_MS, () => {
      this.#replicas.delete(name);
      this.#onReset();
    });
  }

  stop(): void {
    for (const { cancelDrop } of this.#replicas.values()) cancelDrop();
    this.#replicas.clear();
  }
}

/** A stream that is open says more than one that is not; of two the later one. */
export function newer(a: ProxyAcks | undefined, b: ProxyAcks | undefined): ProxyAcks | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  if (a.connected !== b.connected) return a.connected ? a : b;
  return b.sinceMs > a.sinceMs ? b : a;
}

import type { Held, ProxyAcks } from '../publish/acks.ts';
import { SUBSCRIPTIONS_MAX } from '../publish/stream-session.ts';
import type { DestinationHeldMessage, ProxyMessage, ReportMessage } from './report-message.ts';

/** A table keeps those that moved to another replica until their pod goes: this bounds the mesh, not the streams. */
export const WORKLOADS_MAX = 100_000;
const NOTHING: Held = { sent: undefined, acked: undefined, refused: undefined };

interface Entry {
  acks: ProxyAcks & { readonly destinations: Map<string, Held> };
  readonly connection: number;
}

/**
 * What one other replica said of its sidecars. A replay is collected on the side and takes the place of all
 * that was said before in one step, so that a reconnect is not seen as sidecars that come and go.
 */
export class ReplicaTable {
  readonly #onChange: (workload: string) => void;
  #entries = new Map<string, Entry>();
  /** undefined: not replaying */
  #replay: Map<string, Entry> | undefined;
  #hasReplayed = false;

  constructor(onChange: (workload: string) => void) {
    this.#onChange = onChange;
  }

  /** what the replica itself trusts; undefined: it has not said since it connected */
  roots: readonly string[] | undefined;

  /** Once is enough: from then on it holds what was true a moment ago. */
  get hasReplayed(): boolean {
    return this.#hasReplayed;
  }
  get(workload: string): ProxyAcks | undefined {
    return this.#entries.get(workload)?.acks;
  }

  /** A new connection: it begins with everything. */
  restart(): void {
    this.#replay = new Map();
    this.roots = undefined;
  }

  /** Throws when there is more than any replica can have. */
  take(message: ReportMessage): void {
    if (message.type === 'proxy') this.#takeProxy(message);
    else if (message.type === 'destination') this.#takeDestination(message);
    else if (message.type === 'roots') this.roots = message.roots;
    else if (message.type === 'gone') this.#delete(message.workload);
    else if (message.type === 'replayed' && this.#replay !== undefined) {
      this.#entries = this.#replay;
      this.#replay = undefined;
      this.#hasReplayed = true;
    }
  }

  #takeProxy({ workload, connection, connected, sinceMs, config, roots }: ProxyMessage): void {
    const entry = this.#entryOf(workload, connection);
    entry.acks = { connected, sinceMs, config, roots, destinations: entry.acks.destinations };
    this.#changed(workload);
  }

  #takeDestination({ workload, connection, key, held }: DestinationHeldMessage): void {
    const { destinations } = this.#entryOf(workload, connection).acks;
    if (held === undefined) destinations.delete(key);
    else if (destinations.size >= SUBSCRIPTIONS_MAX && !destinations.has(key))
      throw new Error('too many destinations');
    else destinations.set(key, held);
    this.#changed(workload);
  }

  #delete(workload: string): void {
    if ((this.#replay ?? this.#entries).delete(workload)) this.#changed(workload);
  }

  /** What belonged to another connection of the sidecar goes. */
  #entryOf(workload: string, connection: number): Entry {
    const entries = this.#replay ?? this.#entries;
    const known = entries.get(workload);
    if (known?.connection === connection) return known;
    if (known === undefined && entries.size >= WORKLOADS_MAX) throw new Error('too many workloads');
    const acks = { connected: false, sinceMs: 0, config: NOTHING, destinations: new Map<string, Held>() };
    const entry = { acks, connection };
    entries.set(workload, entry);
    return entry;
  }

  #changed(workload: string): void {
    if (this.#replay === undefined) this.#onChange(workload);
  }
}

import type { Held, ProxyAcks } from '../publish/acks.ts';
import { SUBSCRIPTIONS_MAX } from '../publish/stream-session.ts';
import type { DestinationHeldMessage, ProxyMessage, ReportMessage } from './report-message.ts';

const WORKLOADS_MAX = 20_000;
const NOTHING: Held = { sent: undefined, acked: undefined, refused: undefined };

interface Entry {
  acks: ProxyAcks & { readonly destinations: Map<string, Held> };
  connection: number;
}

/**
 * What one other replica said of its sidecars. While it replays after a reconnect, what it said before stands;
 * what it did not repeat goes at the end.
 */
export class ReplicaTable {
  readonly #entries = new Map<string, Entry>();
  readonly #onChange: (workload: string) => void;
  /** what was there before the replay and has not been told again; undefined: not replaying */
  #unrepeated: Set<string> | undefined;
  #hasReplayed = false;

  constructor(onChange: (workload: string) => void) {
    this.#onChange = onChange;
  }

  get hasReplayed(): boolean {
    return this.#hasReplayed;
  }
  get(workload: string): ProxyAcks | undefined {
    return this.#entries.get(workload)?.acks;
  }

  /** A new connection: it begins with everything. */
  restart(): void {
    this.#unrepeated = new Set(this.#entries.keys());
  }

  /** Throws when there is more than any replica can have. */
  take(message: ReportMessage): void {
    if (message.type === 'proxy') this.#takeProxy(message);
    else if (message.type === 'destination') this.#takeDestination(message);
    else if (message.type === 'gone') this.#delete(message.workload);
    else if (message.type === 'replayed') this.#finishReplay();
  }

  #takeProxy({ workload, connection, connected, sinceMs, config }: ProxyMessage): void {
    const entry = this.#entryOf(workload, connection);
    entry.acks = { connected, sinceMs, config, destinations: entry.acks.destinations };
    this.#onChange(workload);
  }

  #takeDestination({ workload, connection, key, held }: DestinationHeldMessage): void {
    const { destinations } = this.#entryOf(workload, connection).acks;
    if (held === undefined) destinations.delete(key);
    else if (destinations.size >= SUBSCRIPTIONS_MAX && !destinations.has(key))
      throw new Error('too many destinations');
    else destinations.set(key, held);
    this.#onChange(workload);
  }

  /** One of a former connection, or of a former life of the replica, is made anew. */
  #entryOf(workload: string, connection: number): Entry {
    const known = this.#entries.get(workload);
    const repeated = this.#unrepeated?.delete(workload) !== true;
    if (known?.connection === connection && repeated) return known;
    if (known === undefined && this.#entries.size >= WORKLOADS_MAX) throw new Error('too many workloads');
    const acks = { connected: false, sinceMs: 0, config: NOTHING, destinations: new Map<string, Held>() };
    const entry = { acks, connection };
    this.#entries.set(workload, entry);
    return entry;
  }

  #finishReplay(): void {
    for (const workload of this.#unrepeated ?? []) this.#delete(workload);
    this.#unrepeated = undefined;
    this.#hasReplayed = true;
  }

  #delete(workload: string): void {
    if (this.#entries.delete(workload)) this.#onChange(workload);
  }
}

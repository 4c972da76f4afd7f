import { canonicalJson } from '../compile/canonical-json.ts';
import { compileDestination } from '../compile/destination.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import { hostOf } from './stream-session.ts';
import type { Versioned } from './stream-source.ts';

const ENTRIES_MAX = 20_000;

/** Destinations that were asked for, as sent: a thousand sidecars that use one Service cost one compilation. */
export class DestinationCache {
  readonly #mesh: Mesh;
  readonly #byHost = new Map<string, Map<string, Versioned>>();
  #size = 0;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  get(key: string, consumer: Workload): Versioned {
    const host = hostOf(key);
    const known = this.#byHost.get(host)?.get(key);
    if (known !== undefined) return known;
    const destination = compileDestination(this.#mesh, key, consumer);
    const made = { version: destination?.version, text: canonicalJson(destination) };
    this.#keep(host, key, made);
    return made;
  }

  changed(hosts: Iterable<string>): void {
    for (const host of hosts) {
      this.#size -= this.#byHost.get(host)?.size ?? 0;
      this.#byHost.delete(host);
    }
  }

  /** Full means forgotten: everything in here can be made again. */
  #keep(host: string, key: string, made: Versioned): void {
    if (this.#size >= ENTRIES_MAX) {
      this.#byHost.clear();
      this.#size = 0;
    }
    const entries = this.#byHost.get(host) ?? new Map<string, Versioned>();
    this.#byHost.set(host, entries.set(key, made));
    this.#size += 1;
  }
}

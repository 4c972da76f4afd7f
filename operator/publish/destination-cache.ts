import { canonicalJson } from '../compile/canonical-json.ts';
import { compileDestination } from '../compile/destination.ts';
import { type ViewOf, viewsOf } from '../compile/traffic/view.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import { hostOf } from './stream-session.ts';
import type { Versioned } from './stream-source.ts';

const ENTRIES_MAX = 20_000;

/** One destination key: what decides how a consumer sees it, and each view of it as sent. */
interface Entry {
  readonly viewOf: ViewOf;
  readonly byView: Map<string, Versioned>;
}

/**
 * Destinations that were asked for, as sent: a thousand sidecars that use one Service, and whom its policies do
 * not tell apart, cost one compilation.
 */
export class DestinationCache {
  readonly #mesh: Mesh;
  readonly #byHost = new Map<string, Map<string, Entry>>();
  #size = 0;

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  get(key: string, consumer: Workload): Versioned {
    const entry = this.#entry(key);
    const view = entry.viewOf(consumer);
    const known = entry.byView.get(view);
    if (known !== undefined) return known;
    const destination = compileDestination(this.#mesh, key, consumer);
    const made = { version: destination?.version, text: canonicalJson(destination) };
    entry.byView.set(view, made);
    this.#size += 1;
    return made;
  }

  changed(hosts: Iterable<string>): void {
    for (const host of hosts) {
      for (const { byView } of this.#byHost.get(host)?.values() ?? []) this.#size -= 1 + byView.size;
      this.#byHost.delete(host);
    }
  }

  /** Full means forgotten: everything in here can be made again. */
  #entry(key: string): Entry {
    const host = hostOf(key);
    const known = this.#size < ENTRIES_MAX ? this.#byHost.get(host)?.get(key) : undefined;
    if (known !== undefined) return known;
    if (this.#size >= ENTRIES_MAX) this.#forget();
    const entry = { viewOf: viewsOf(this.#mesh, key), byView: new Map<string, Versioned>() };
    const entries = this.#byHost.get(host) ?? new Map<string, Entry>();
    this.#byHost.set(host, entries.set(key, entry));
    this.#size += 1;
    return entry;
  }
  #forget(): void {
    this.#byHost.clear();
    this.#size = 0;
  }
}

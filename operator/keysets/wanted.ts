import { effective } from '../compile/effective.ts';
import type { Mesh } from '../mesh/mesh.ts';

/**
 * Key sets of the policies of one namespace: each costs requests, of which not all can be under way, and up to 256 KiB
 * of memory, and nobody may use up what is there for all. The control plane's own are not counted.
 */
export const URIS_MAX = 64;

/** The key set URIs of the policies in force. */
export class WantedKeySets {
  readonly #mesh: Mesh;
  readonly #byPolicy = new Map<string, readonly string[]>();

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /**
   * @param policies keys of those that may have changed or gone
   * @returns whether other URIs may be wanted now
   */
  refresh(policies: Iterable<string>): boolean {
    let changed = false;
    for (const key of policies) {
      const before = this.#byPolicy.get(key) ?? [];
      const now = this.#urisOf(key);
      if (now.length === 0) this.#byPolicy.delete(key);
      else this.#byPolicy.set(key, now);
      changed ||= before.join(' ') !== now.join(' ');
    }
    return changed;
  }

  /** `tooMany`: what no namespace has room for; of each those of the first policies by name have it. */
  uris(): { readonly wanted: ReadonlySet<string>; readonly tooMany: ReadonlySet<string> } {
    const { controlPlaneNamespace } = this.#mesh.settings;
    const byNamespace = new Map<string, Set<string>>();
    const tooMany = new Set<string>();
    for (const key of [...this.#byPolicy.keys()].sort()) {
      const namespace = key.slice(0, key.indexOf('/'));
      const known = byNamespace.get(namespace) ?? new Set();
      byNamespace.set(namespace, known);
      for (const uri of this.#byPolicy.get(key)!) {
        const hasRoom = known.size < URIS_MAX || namespace === controlPlaneNamespace;
        if (hasRoom || known.has(uri)) known.add(uri);
        else tooMany.add(uri);
      }
    }
    const wanted = new Set([...byNamespace.values()].flatMap((uris) => [...uris]));
    return { wanted, tooMany: new Set([...tooMany].filter((uri) => !wanted.has(uri))) };
  }

  /** Keys of the policies that want it, sorted. */
  policiesOf(uri: string): string[] {
    return [...this.#byPolicy].flatMap(([key, uris]) => (uris.includes(uri) ? [key] : [])).sort();
  }

  #urisOf(key: string): string[] {
    const policy = this.#mesh.policy(key);
    const spec = policy && effective(this.#mesh, policy)?.spec;
    return (spec?.inbound?.jwt?.issuers ?? []).flatMap(({ jwks }) => jwks.uri ?? []);
  }
}

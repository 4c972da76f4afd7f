import { effective } from '../compile/effective.ts';
import type { Mesh } from '../mesh/mesh.ts';

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

  uris(): ReadonlySet<string> {
    return new Set([...this.#byPolicy.values()].flat());
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

import { randomUUID } from 'node:crypto';
import type { MeshPolicy } from '../../api/mesh-policy.ts';
import { canonicalJson } from '../compile/canonical-json.ts';
import type { Policy } from '../mesh/model.ts';

/** What the API server gives an object and a file does not: uid, generation, time of creation. */
export interface LedgerEntry {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly spec: unknown;
}
/** `removed`: keys of those that were there before, be it before a restart. */
export interface Recorded {
  readonly policies: Policy[];
  readonly removed: readonly string[];
  readonly changed: boolean;
}
export type Ledger = Readonly<Record<string, LedgerEntry>>;

/**
 * Keeps them by `<namespace>/<name>`. They are stored beside the mesh's other state, because a sidecar never
 * takes a generation older than one it has had, restarts of the operator included.
 */
export class PolicyLedger {
  #entries: Map<string, LedgerEntry>;
  readonly #nowMs: () => number;

  constructor(stored: Ledger, nowMs: () => number) {
    this.#entries = new Map(Object.entries(stored));
    this.#nowMs = nowMs;
  }

  /** All policies there are now; one that is missing is forgotten, and is another when it comes back. */
  record(documents: readonly MeshPolicy[]): Recorded {
    const before = this.#entries;
    const after = new Map<string, LedgerEntry>();
    let changed = false;
    for (const { metadata, spec } of documents) {
      const key = `${metadata.namespace}/${metadata.name}`;
      const known = before.get(key);
      const entry = this.#next(known, spec);
      changed ||= entry !== known;
      after.set(key, entry);
    }
    this.#entries = after;
    const policies = documents.map(({ metadata, spec }) => {
      const namespace = metadata.namespace!;
      const key = `${namespace}/${metadata.name}`;
      const { uid, generation, createdAt } = after.get(key)!;
      return { key, namespace, name: metadata.name, uid, generation, createdAt, spec };
    });
    const removed = [...before.keys()].filter((key) => !after.has(key)).sort();
    return { policies, removed, changed: changed || removed.length > 0 };
  }

  toJSON(): Ledger {
    return Object.fromEntries([...this.#entries].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #next(known: LedgerEntry | undefined, spec: unknown): LedgerEntry {
    const createdAt = `${new Date(this.#nowMs()).toISOString().slice(0, 19)}Z`;
    if (known === undefined) return { uid: randomUUID(), generation: 1, createdAt, spec };
    if (canonicalJson(known.spec) === canonicalJson(spec)) return known;
    return { ...known, generation: known.generation + 1, spec };
  }
}

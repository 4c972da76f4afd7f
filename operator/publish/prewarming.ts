import { SECRET_DESTINATIONS_MAX_BYTES } from '../../api/names.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Workload } from '../mesh/model.ts';
import type { Acks, Held } from './acks.ts';
import type { Versioned } from './stream-source.ts';

export interface PrewarmingOptions {
  readonly mesh: Pick<Mesh, 'workloadsOf' | 'isMeshed'>;
  readonly acks: Acks;
  readonly destination: (key: string, workload: Workload) => Versioned;
  /** monotonic */
  readonly nowMs: () => number;
}

/** So many pods of a kind know what the kind calls. */
const SIBLINGS_MAX = 8;
/** Of a kind, what most of its pods use; a Secret can hardly hold more. */
const DESTINATIONS_MAX = 128;
/** A thousand pods whose files are written together ask a few times. */
const KEEP_MS = 50;
const KINDS_MAX = 1_000;

/**
 * What a new pod starts with: the destinations that pods of its kind are subscribed to, as it may see them. So its
 * first calls do not depend on the control plane being there at that moment.
 */
export class Prewarming {
  readonly #options: PrewarmingOptions;
  readonly #keys = new Map<string, { readonly untilMs: number; readonly keys: readonly string[] }>();

  constructor(options: PrewarmingOptions) {
    this.#options = options;
  }

  /** JSON of `{key, destination}[]`, no longer than fits a Secret; undefined: nothing is known. */
  textFor(workload: Workload): string | undefined {
    let left = SECRET_DESTINATIONS_MAX_BYTES - 2;
    const entries: string[] = [];
    for (const key of this.#keysOf(workload)) {
      const { version, text } = this.#options.destination(key, workload);
      // what is outside of the mesh today may be in it when somebody reads this
      if (version === undefined) continue;
      const entry = `{"key":${JSON.stringify(key)},"destination":${text}}`;
      const bytes = Buffer.byteLength(entry) + 1;
      if (bytes > left) continue;
      left -= bytes;
      entries.push(entry);
    }
    return entries.length === 0 ? undefined : `[${entries.join(',')}]`;
  }

  /** What most of them use comes first. */
  #keysOf(workload: Workload): readonly string[] {
    const kind = kindOf(workload);
    const nowMs = this.#options.nowMs();
    const known = this.#keys.get(kind);
    if (known !== undefined && nowMs < known.untilMs) return known.keys;
    if (this.#keys.size >= KINDS_MAX) this.#keys.clear();
    const keys = byUse(this.#siblings(workload.namespace, kind));
    this.#keys.set(kind, { untilMs: nowMs + KEEP_MS, keys });
    return keys;
  }

  #siblings(namespace: string, kind: string): string[][] {
    const { mesh, acks } = this.#options;
    const found: string[][] = [];
    for (const each of mesh.workloadsOf(namespace)) {
      if (kindOf(each) !== kind || !mesh.isMeshed(each)) continue;
      const destinations = acks.get(each.key)?.destinations;
      if (destinations !== undefined && destinations.size > 0) found.push(inMesh(destinations));
      if (found.length >= SIBLINGS_MAX) break;
    }
    return found;
  }
}

/** A pod can subscribe to anything: what leads nowhere was told so, and is not looked for again. */
function inMesh(destinations: ReadonlyMap<string, Held>): string[] {
  return [...destinations].filter(([, { sent }]) => sent !== undefined).map(([key]) => key);
}

function byUse(siblings: readonly string[][]): string[] {
  const uses = new Map<string, number>();
  for (const keys of siblings) for (const key of keys) uses.set(key, (uses.get(key) ?? 0) + 1);
  const sorted = [...uses].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return sorted.slice(0, DESTINATIONS_MAX).map(([key]) => key);
}

/** None of these may hold a space. */
const kindOf = ({ namespace, serviceAccount, app }: Workload): string =>
  `${namespace} ${serviceAccount} ${app}`;

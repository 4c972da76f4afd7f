import { createHash } from 'node:crypto';
import type { Version } from '../../api/version.ts';

/**
 * Which configuration may replace which. A version names the generation of every policy it was compiled from,
 * and policies have one total order in the control plane, so a policy at a lower generation than one already
 * acknowledged proves that the configuration is older. Nothing else proves it: a policy may leave and come
 * back at the same generation, because labels of the pod changed and changed back.
 */
export interface History {
  /** what is acknowledged now: policy uid → generation */
  readonly policies: ReadonlyMap<string, number>;
  /** policies that left a configuration, at the generation they had; oldest first, bounded */
  readonly tombstones: ReadonlyMap<string, number>;
  readonly current: string | undefined;
  /** fingerprints of versions that were replaced; oldest first, bounded */
  readonly replaced: readonly string[];
}

export const EMPTY_HISTORY: History = {
  policies: new Map(),
  tombstones: new Map(),
  current: undefined,
  replaced: [],
};

const TOMBSTONES_MAX = 1024;
const REPLACED_MAX = 64;
/** of api/version.ts */
const HASH_MAX_CHARACTERS = 64;

export type Order =
  | { readonly order: 'same' }
  | { readonly order: 'newer' }
  | { readonly order: 'older'; readonly reason: string };

const NEWER: Order = { order: 'newer' };
const SAME: Order = { order: 'same' };

/** Of what the stream brings: it is ordered in itself, so only a lower generation makes it older. */
export function compareStreamed(history: History, version: Version): Order {
  if (history.current === fingerprint(version)) return SAME;
  return olderPolicy(history, version) ?? NEWER;
}

/**
 * Of what the mount shows: kubelet brings it up to minutes late, so what was replaced once stays replaced, and
 * a policy that left does not come back at the generation it had, unless something in it is provably newer.
 */
export function compareMounted(history: History, version: Version): Order {
  const print = fingerprint(version);
  if (history.current === print) return SAME;
  const older = olderPolicy(history, version);
  if (older !== undefined) return older;
  if (history.replaced.includes(print)) return { order: 'older', reason: 'it has been replaced before' };
  if (hasNewerPolicy(history, version)) return NEWER;
  return returnedPolicy(history, version) ?? NEWER;
}

/** Of two versions of one destination, the held one first. */
export function olderThanHeld(held: Version, candidate: Version): string | undefined {
  const history = { ...EMPTY_HISTORY, policies: new Map(Object.entries(held.policies)) };
  const order = olderPolicy(history, candidate);
  return order?.order === 'older' ? order.reason : undefined;
}

/** The history after `version` was acknowledged. */
export function acknowledge(history: History, version: Version): History {
  const current = fingerprint(version);
  const policies = new Map(Object.entries(version.policies));
  const gone = [...history.tombstones, ...history.policies].filter(([uid]) => !policies.has(uid));
  const replaced = [...history.replaced, history.current].filter(
    (print): print is string => print !== undefined && print !== current,
  );
  return {
    policies,
    tombstones: new Map(gone.slice(-TOMBSTONES_MAX)),
    current,
    replaced: [...new Set(replaced.reverse())].reverse().slice(-REPLACED_MAX),
  };
}

/** The version of something that may not be valid otherwise; undefined when it cannot be named in a refusal. */
export function readVersion(value: unknown): Version | undefined {
  const { hash, policies } = (value ?? {}) as Partial<Version>;
  if (typeof hash !== 'string' || hash.length < 1 || hash.length > HASH_MAX_CHARACTERS) return undefined;
  if (typeof policies !== 'object' || policies === null || Array.isArray(policies)) return undefined;
  const good = Object.values(policies).every(
    (generation) => Number.isSafeInteger(generation) && generation >= 0,
  );
  return good ? { hash, policies } : undefined;
}

/** Equal for equal hash and equal generations: the same bytes may be compiled from a newer generation. */
export function fingerprint(version: Version): string {
  const policies = Object.entries(version.policies).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([version.hash, policies]))
    .digest('base64url');
}

function olderPolicy(history: History, version: Version): Order | undefined {
  for (const [uid, generation] of Object.entries(version.policies)) {
    const acknowledged = history.policies.get(uid) ?? history.tombstones.get(uid) ?? 0;
    if (generation < acknowledged) {
      return {
        order: 'older',
        reason: `policy ${uid} is at generation ${generation}, ${acknowledged} has been acknowledged`,
      };
    }
  }
  return undefined;
}

function hasNewerPolicy(history: History, version: Version): boolean {
  return Object.entries(version.policies).some(([uid, generation]) => {
    const acknowledged = history.policies.get(uid) ?? history.tombstones.get(uid);
    return acknowledged === undefined || generation > acknowledged;
  });
}

function returnedPolicy(history: History, version: Version): Order | undefined {
  const uid = Object.keys(version.policies).find((key) => history.tombstones.has(key));
  return uid === undefined
    ? undefined
    : { order: 'older', reason: `policy ${uid} has left the configuration at this generation` };
}

/** As kept in the snapshot. */
export interface SerializedHistory {
  readonly policies: readonly (readonly [string, number])[];
  readonly tombstones: readonly (readonly [string, number])[];
  readonly current?: string;
  readonly replaced: readonly string[];
}

export function serializeHistory(history: History): SerializedHistory {
  return {
    policies: [...history.policies],
    tombstones: [...history.tombstones],
    ...(history.current === undefined ? {} : { current: history.current }),
    replaced: history.replaced,
  };
}

/** Throws when the shape is wrong. */
export function parseHistory(value: unknown): History {
  const { policies, tombstones, current, replaced } = value as Record<keyof SerializedHistory, unknown>;
  if (current !== undefined && typeof current !== 'string') throw new Error('history: current');
  if (!Array.isArray(replaced) || !replaced.every((print) => typeof print === 'string')) {
    throw new Error('history: replaced');
  }
  return { policies: parseEntries(policies), tombstones: parseEntries(tombstones), current, replaced };
}

function parseEntries(value: unknown): ReadonlyMap<string, number> {
  if (!Array.isArray(value)) throw new Error('history: not a list');
  return new Map(
    value.map((entry: unknown): [string, number] => {
      if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !Number.isSafeInteger(entry[1])) {
        throw new Error('history: not a pair of uid and generation');
      }
      return [entry[0], entry[1] as number];
    }),
  );
}

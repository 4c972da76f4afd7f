import type { TrailRecord } from '../../api/trail-record.ts';

/** Requests of one caller that are alike in all a rule can ask for. */
export interface Seen {
  readonly method: string;
  /** undefined: it has none (CONNECT, OPTIONS *) */
  readonly path: string | undefined;
  readonly isCut: boolean;
  readonly requests: number;
  /** when they ended, milliseconds since 1970 */
  readonly firstMs: number;
  readonly lastMs: number;
  /** the rules that decided, `<policy> <rule>` */
  readonly rules: ReadonlySet<string>;
}

/** What is asked for. */
export function keyOf({ method, path, isCut }: Pick<Seen, 'method' | 'path' | 'isCut'>): string {
  return JSON.stringify([method, path, isCut]);
}

type Mutable<T> = { -readonly [field in keyof T]: T[field] };

/** The most frequent first. */
export function seenIn(records: readonly TrailRecord[]): Seen[] {
  const byKey = new Map<string, Mutable<Seen> & { rules: Set<string> }>();
  for (const { method, path, pathIsCut, endedMs, policy, rule } of records) {
    const key = keyOf({ method, path, isCut: pathIsCut });
    const known = byKey.get(key);
    const decided = `${policy} ${rule}`;
    if (known === undefined) {
      const times = { firstMs: endedMs, lastMs: endedMs };
      byKey.set(key, {
        ...{ method, path, isCut: pathIsCut, requests: 1, ...times, rules: new Set([decided]) },
      });
      continue;
    }
    known.requests += 1;
    known.firstMs = Math.min(known.firstMs, endedMs);
    known.lastMs = Math.max(known.lastMs, endedMs);
    known.rules.add(decided);
  }
  return [...byKey.values()].sort((a, b) => b.requests - a.requests);
}

import type { AffectedProxy } from '../../api/analysis.ts';
import type { ReplayChange, ReplayRequest, ReplayResult } from '../../api/replay.ts';
import { type Access, keyOf } from '../access/access.ts';
import { askAll, type Unanswered } from '../access/ask-all.ts';

/** What a plan would have said to recorded requests, over all sidecars that could be asked. */
export interface Verdicts {
  readonly minutes: number;
  readonly judged: number;
  readonly unchanged: number;
  /** of several sidecars, added up; the most frequent first */
  readonly changes: readonly VerdictChange[];
  readonly notListed: number;
  readonly notes: readonly string[];
  /** sidecars that have not kept requests for so long as was asked for, and since when they have */
  readonly shorter: readonly { readonly proxy: string; readonly since: string }[];
  readonly asked: number;
  readonly unanswered: readonly Unanswered[];
}

export interface VerdictChange extends Omit<ReplayChange, 'at'> {
  /** those whose sidecars say so */
  readonly proxies: readonly string[];
}

/** A ring of so many may have lost what came before. */
const RING = 2_048;

/** Has the affected sidecars judge what they recorded in the last minutes. */
export async function verdictsOf(
  access: Access,
  affected: readonly AffectedProxy[],
  minutes: number,
): Promise<Verdicts> {
  const byKey = new Map(affected.map((proxy) => [keyOf(proxy), proxy]));
  const running = (await access.proxies({ namespace: undefined })).filter((sidecar) =>
    byKey.has(keyOf(sidecar)),
  );
  const found = new Set(running.map(keyOf));
  const { answered, unanswered } = await askAll<ReplayResult>(access, running, (sidecar) => {
    const { config, destinations } = byKey.get(keyOf(sidecar))!;
    const body: ReplayRequest = { ...(config && { config }), destinations, minutes };
    return { method: 'POST', path: '/replay', body: JSON.stringify(body) };
  });
  const missing = [...byKey.keys()].filter((key) => !found.has(key));
  return {
    ...addUp(
      answered.map(({ proxy, answer }) => ({ proxy: keyOf(proxy), result: answer })),
      minutes,
      Date.now(),
    ),
    asked: affected.length,
    unanswered: [...unanswered, ...missing.map((proxy) => ({ proxy, reason: 'it does not run' }))],
  };
}

/** Pure. */
export function addUp(
  results: readonly { readonly proxy: string; readonly result: ReplayResult }[],
  minutes: number,
  nowMs: number,
): Omit<Verdicts, 'asked' | 'unanswered'> {
  const changes = new Map<string, { change: ReplayChange; count: number; proxies: Set<string> }>();
  for (const { proxy, result } of results) {
    for (const change of result.changes) {
      const { at: _at, count, ...alike } = change;
      const key = JSON.stringify(Object.entries(alike).sort());
      const known = changes.get(key) ?? { change, count: 0, proxies: new Set() };
      known.count += count;
      known.proxies.add(proxy);
      changes.set(key, known);
    }
  }
  const sum = (field: 'judged' | 'unchanged' | 'notListed') =>
    results.reduce((total, { result }) => total + result[field], 0);
  const sinceMs = nowMs - minutes * 60_000;
  return {
    ...{ minutes, judged: sum('judged'), unchanged: sum('unchanged'), notListed: sum('notListed') },
    changes: [...changes.values()]
      .sort((a, b) => b.count - a.count)
      .map(({ change: { at: _at, ...change }, count, proxies }) => ({
        ...change,
        count,
        proxies: [...proxies].sort(),
      })),
    notes: [...new Set(results.flatMap(({ result }) => result.notes))],
    shorter: results
      .filter(({ result: { kept, keptSinceMs } }) => kept >= RING && keptSinceMs > sinceMs)
      .map(({ proxy, result }) => ({ proxy, since: new Date(result.keptSinceMs).toISOString() })),
  };
}

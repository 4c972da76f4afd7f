import type { AffectedProxy } from '../../api/analysis.ts';
import type { ReplayChange, ReplayResult } from '../../api/replay.ts';
import { type Access, keyOf, type Sidecar } from '../access/access.ts';
import { askAll, type Unanswered } from '../access/ask-all.ts';
import { readReplayResult } from './read-replay-result.ts';
import { replayRequests } from './replay-requests.ts';
import { timeOf } from './times.ts';

/** What a plan would have said to recorded requests, over all sidecars that could be asked. */
export interface Verdicts {
  readonly minutes: number;
  readonly judged: number;
  readonly unchanged: number;
  /** left out, since judging them would have taken a sidecar too long */
  readonly notJudged: number;
  /** of several sidecars, added up; the most frequent first */
  readonly changes: readonly VerdictChange[];
  readonly notListed: number;
  readonly notes: readonly string[];
  /** sidecars that have not kept requests for so long as was asked for, and since when they have */
  readonly shorter: readonly { readonly proxy: string; readonly since: string }[];
  readonly asked: number;
  readonly unanswered: readonly Unanswered[];
  /** proxies that would be told something else too, and are too many to be asked */
  readonly leftOut: number;
}

export interface VerdictChange extends Omit<ReplayChange, 'at'> {
  /** those whose sidecars say so */
  readonly proxies: readonly string[];
}

/** A ring of so many may have lost what came before. */
const RING = 2_048;
/** What is said of one that has nothing to be asked. */
const TOO_LARGE = 'what it would be told is too large to be asked about';

/** Has the affected sidecars judge what they recorded in the last minutes. */
export async function verdictsOf(
  access: Access,
  affected: readonly AffectedProxy[],
  { minutes, leftOut }: Pick<Verdicts, 'minutes' | 'leftOut'>,
): Promise<Verdicts> {
  const bodies = new Map(affected.map((proxy) => [keyOf(proxy), replayRequests(proxy, minutes)]));
  const running = (await access.proxies({ namespace: undefined })).filter((sidecar) =>
    bodies.has(keyOf(sidecar)),
  );
  const found = new Set(running.map(keyOf));
  const results = new Map<string, ReplayResult>();
  const unanswered: Unanswered[] = [...bodies].flatMap(([proxy, of]) => {
    if (!found.has(proxy)) return [{ proxy, reason: 'it does not run' }];
    return of === undefined ? [{ proxy, reason: TOO_LARGE }] : [];
  });
  // a sidecar judges one body at a time
  let left = running.filter((sidecar) => bodies.get(keyOf(sidecar)) !== undefined);
  for (let place = 0; left.length > 0; place += 1) {
    const bodyOf = (sidecar: Sidecar) => bodies.get(keyOf(sidecar))?.[place];
    const answers = await askAll(
      access,
      left.filter((sidecar) => bodyOf(sidecar) !== undefined),
      (sidecar) => ({ method: 'POST', path: '/replay', body: bodyOf(sidecar)! }),
      readReplayResult,
    );
    unanswered.push(...answers.unanswered);
    for (const { proxy, answer } of answers.answered) {
      results.set(keyOf(proxy), together(results.get(keyOf(proxy)), answer));
    }
    left = answers.answered.map(({ proxy }) => proxy);
  }
  const failed = new Set(unanswered.map(({ proxy }) => proxy));
  const judged = [...results].filter(([proxy]) => !failed.has(proxy));
  return {
    ...addUp(
      judged.map(([proxy, result]) => ({ proxy, result })),
      minutes,
      Date.now(),
    ),
    ...{ asked: affected.length, unanswered, leftOut },
  };
}

/** Of several bodies: each request is judged by at most one of them. */
function together(before: ReplayResult | undefined, after: ReplayResult): ReplayResult {
  if (before === undefined) return after;
  return {
    ...after,
    judged: before.judged + after.judged,
    unchanged: before.unchanged + after.unchanged,
    notJudged: Math.max(before.notJudged, after.notJudged),
    changes: [...before.changes, ...after.changes],
    notListed: before.notListed + after.notListed,
    notes: [...before.notes, ...after.notes],
  };
}

/** Pure. */
export function addUp(
  results: readonly { readonly proxy: string; readonly result: ReplayResult }[],
  minutes: number,
  nowMs: number,
): Omit<Verdicts, 'asked' | 'unanswered' | 'leftOut'> {
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
  const sum = (field: 'judged' | 'unchanged' | 'notJudged' | 'notListed') =>
    results.reduce((total, { result }) => total + result[field], 0);
  const sinceMs = nowMs - minutes * 60_000;
  return {
    ...{ minutes, judged: sum('judged'), unchanged: sum('unchanged') },
    ...{ notJudged: sum('notJudged'), notListed: sum('notListed') },
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
      .map(({ proxy, result }) => ({ proxy, since: timeOf(result.keptSinceMs) })),
  };
}

import type { Operation, Source } from '../../api/mesh-policy.ts';
import type { TrailRecord } from '../../api/trail-record.ts';
import { type Caller, callerOf, type Home, isMeant } from './caller.ts';
import { type Gap, grantsOf } from './grants.ts';
import { Groups, MAX_RULES, MAX_SOURCES } from './groups.ts';
import { nameRules } from './rule-names.ts';
import { type Seen, seenIn } from './seen.ts';

export interface ProposeOptions extends Home {
  /** whether callers without identity are allowed, by their address */
  readonly withAddresses: boolean;
  /** of rules in force, `<policy> <rule>`: it asks for what is not kept */
  readonly isConditional: (rule: string) => boolean;
}

/** An Allow rule, and what it is from. */
export interface ProposedRule {
  readonly name: string;
  readonly from: readonly Source[];
  readonly to: readonly ProposedOperation[];
  readonly requests: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** rules in force that ask for what is not kept, by which some of these were allowed: `<policy> <rule>` */
  readonly conditional: readonly string[];
}
export interface ProposedOperation {
  readonly operation: Operation;
  readonly requests: number;
  /** different ones */
  readonly paths: number;
}

/** Requests of one caller that no rule covers, though they were allowed. */
export interface Uncovered {
  readonly caller: string;
  readonly reason: Gap['reason'] | 'anonymous' | 'nameless' | 'tooManyRules';
  readonly seen: readonly Seen[];
}
export interface Denied {
  readonly caller: string;
  readonly seen: Seen;
}

export interface Proposal {
  readonly rules: readonly ProposedRule[];
  readonly uncovered: readonly Uncovered[];
  /** what was denied, and stays so */
  readonly denied: readonly Denied[];
  /** requests that were denied at first, and that these rules allow since the same were allowed afterwards */
  readonly deniedBefore: number;
  /** requests that were allowed, covered or not */
  readonly allowed: number;
}

/** Pure: the fewest rules that allow what was allowed to those who prove who they are. `records`: of requests that came in. */
export function propose(records: readonly TrailRecord[], options: ProposeOptions): Proposal {
  const allowed = records.filter(({ verdict }) => verdict === 'allowed');
  const denied = records.filter(({ verdict }) => verdict === 'denied');
  const refusals = refusalsOf(denied);
  const { callers, uncovered } = callersOf(allowed, options);
  const groups = new Groups();
  let deniedBefore = 0;
  for (const { caller, records: theirs } of callers) {
    const refused = refusals.filter(([first]) => isMeant(caller.source, first!, options));
    const [own, others] = [true, false].map((isOwn) =>
      seenIn(refused.filter(([first]) => isSame(callerOf(first!, options), caller) === isOwn).flat()),
    ) as [Seen[], Seen[]];
    const granted = grantsOf(seenIn(theirs), own, others, options.isConditional);
    uncovered.push(...gapsOf(caller, granted.gaps));
    if (granted.grants.length === 0) continue;
    if (groups.add(caller, granted.grants)) deniedBefore += granted.deniedBefore;
    else {
      const seen = granted.grants.flatMap((grant) => grant.seen);
      uncovered.push({ caller: caller.name, reason: 'tooManyRules', seen });
    }
  }
  return {
    rules: nameRules(groups.rules(options.isConditional)),
    ...{ uncovered, denied: deniedOf(denied, options), deniedBefore, allowed: allowed.length },
  };
}

function isSame(one: Caller | undefined, other: Caller): boolean {
  return JSON.stringify(one?.source) === JSON.stringify(other.source);
}

/** By who they were. */
function refusalsOf(denied: readonly TrailRecord[]): TrailRecord[][] {
  const whoOf = ({ caller, callerAddress, encrypted }: TrailRecord) =>
    JSON.stringify([caller, callerAddress, encrypted]);
  return [...Map.groupBy(denied, whoOf).values()];
}

interface Called {
  readonly caller: Caller;
  readonly records: TrailRecord[];
}

/** Those that rules can be about, the most frequent first, and the others. */
function callersOf(allowed: readonly TrailRecord[], options: ProposeOptions) {
  const byCaller = new Map<string, Called>();
  const nameless = new Map<string, TrailRecord[]>();
  for (const record of allowed) {
    const caller = callerOf(record, options);
    const called = caller && byCaller.get(JSON.stringify(caller.source));
    if (called !== undefined) called.records.push(record);
    else if (caller !== undefined) byCaller.set(JSON.stringify(caller.source), { caller, records: [record] });
    else nameless.set(record.caller, [...(nameless.get(record.caller) ?? []), record]);
  }
  const uncovered: Uncovered[] = [...nameless].map(([caller, records]) => {
    return { caller, reason: 'nameless', seen: seenIn(records) };
  });
  const callers: Called[] = [];
  const most = MAX_RULES * MAX_SOURCES;
  const inOrder = [...byCaller.values()].sort((a, b) => b.records.length - a.records.length);
  for (const called of inOrder) {
    const { caller, records } = called;
    const isWanted = !caller.isAnonymous || options.withAddresses;
    if (isWanted && callers.length < most) callers.push(called);
    else {
      const reason = isWanted ? 'tooManyRules' : 'anonymous';
      uncovered.push({ caller: caller.name, reason, seen: seenIn(records) });
    }
  }
  return { callers, uncovered };
}

function gapsOf(caller: Caller, gaps: readonly Gap[]): Uncovered[] {
  const byReason = Map.groupBy(gaps, ({ reason }) => reason);
  return [...byReason].map(([reason, of]) => ({
    ...{ caller: caller.name, reason, seen: of.map(({ seen }) => seen) },
  }));
}

function deniedOf(denied: readonly TrailRecord[], home: Home): Denied[] {
  const byName = Map.groupBy(denied, (record) => callerOf(record, home)?.name ?? record.caller);
  return [...byName]
    .flatMap(([caller, records]) => seenIn(records).map((seen) => ({ caller, seen })))
    .sort((a, b) => b.seen.requests - a.seen.requests);
}

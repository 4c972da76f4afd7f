import type { Acceptance } from '../compile/acceptance.ts';
import type { Conflict } from '../compile/conflict.ts';
import type { References } from '../compile/references.ts';
import type { Policy } from '../mesh/model.ts';
import type { Condition, PolicyStatus } from '../platform.ts';

/** How one ready proxy that the policy is about stands to it. */
export interface Holder {
  readonly pod: string;
  readonly state: 'InForce' | 'Lagging' | 'Refused' | 'NotConnected';
  readonly sinceMs: number;
  readonly reason: string;
}

export interface StatusInput {
  readonly policy: Policy;
  readonly acceptance: Acceptance;
  readonly references: References;
  /** of the spec that is in force; undefined: none ever was */
  readonly generationInForce: number | undefined;
  readonly holders: readonly Holder[];
  readonly conflicts: readonly Conflict[];
  /** not all sidecars have had time to connect and say what they hold */
  readonly collecting: boolean;
  /** not all replicas have said what their sidecars hold, so that not even who is concerned is known */
  readonly replaying: boolean;
  /** the status before, whose transition times are kept */
  readonly previous: PolicyStatus | undefined;
  readonly nowMs: number;
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

const CONDITIONS = ['Accepted', 'ResolvedRefs', 'InForce', 'Conflicted'] as const;
const LAGGARDS_MAX = 5;
const CONFLICTS_SHOWN = 5;

/** Pure: what is known of a policy → what its status says. Proxies are counted against the generation in force. */
export function computeStatus(input: StatusInput): PolicyStatus {
  const { policy, acceptance, holders, nowMs } = input;
  const { accepted, reason, message } = acceptance;
  const verdicts: Record<Condition['type'], Verdict> = {
    Accepted: { status: accepted ? 'True' : 'False', reason, message },
    ResolvedRefs: input.references,
    InForce: inForce(input),
    Conflicted: conflicted(input.conflicts),
  };
  const conditions = CONDITIONS.map((type) =>
    condition(type, verdicts[type], policy.generation, input.previous, nowMs),
  );
  const late = holders.filter(({ state }) => state !== 'InForce');
  const refused = late.filter(({ state }) => state === 'Refused').length;
  return {
    observedGeneration: policy.generation,
    conditions,
    proxies: {
      targeted: holders.length,
      inForce: holders.length - late.length,
      lagging: late.length - refused,
      refused,
    },
    laggards: late
      .map((holder) => ({ ...holder, sinceMs: lateSinceMs(holder, input.previous, nowMs) }))
      .sort((a, b) => a.sinceMs - b.sinceMs || (a.pod < b.pod ? -1 : 1))
      .slice(0, LAGGARDS_MAX)
      .map(({ pod, sinceMs, reason: why }) => ({ pod, since: timestamp(sinceMs), reason: why })),
  };
}

/** Who was late is late since then, whatever was sent to it or said by it meanwhile. */
function lateSinceMs({ pod, sinceMs }: Holder, previous: PolicyStatus | undefined, nowMs: number): number {
  const before = previous?.laggards.find((laggard) => laggard.pod === pod);
  // Anybody may have written the status: what is no time, or is to come, counts as nothing.
  const beforeMs = before === undefined ? Number.NaN : Date.parse(before.since);
  return beforeMs <= nowMs ? beforeMs : sinceMs;
}

function inForce(input: StatusInput): Verdict {
  const { acceptance, references, holders, collecting, replaying } = input;
  if (!acceptance.accepted) return notAccepted(input);
  if (replaying && !holders.some(({ state }) => state === 'Refused')) {
    const message = 'other replicas of the operator have not reported yet';
    return { status: 'Unknown', reason: 'Collecting', message };
  }
  if (holders.length === 0 && references.status === 'False') return references;
  if (holders.length === 0) {
    return { status: 'True', reason: 'NoTargets', message: 'no ready proxy is a target of this policy' };
  }
  const count = (state: Holder['state']) => countOf(holders, state);
  const message = `in force on ${count('InForce')} of ${holders.length} proxies`;
  if (count('InForce') === holders.length) return { status: 'True', reason: 'InForce', message };
  if (count('Refused') > 0) return { status: 'False', reason: 'Refused', message };
  if (collecting) return { status: 'Unknown', reason: 'Collecting', message: `${message} so far` };
  return { status: 'False', reason: 'Lagging', message };
}

function notAccepted({ policy, generationInForce, holders }: StatusInput): Verdict {
  if (generationInForce === undefined) {
    const message = 'nothing is in force: no generation of this policy was ever accepted';
    return { status: 'False', reason: 'NotAccepted', message };
  }
  const holding = `${countOf(holders, 'InForce')} of ${holders.length} proxies`;
  const message = `generation ${generationInForce} is in force on ${holding}; generation ${policy.generation} was not accepted`;
  return { status: 'False', reason: 'OlderGenerationInForce', message };
}

function countOf(holders: readonly Holder[], state: Holder['state']): number {
  return holders.filter((holder) => holder.state === state).length;
}

function conflicted(conflicts: readonly Conflict[]): Verdict {
  if (conflicts.length === 0)
    return { status: 'False', reason: 'NoConflicts', message: 'no other policy overrules it' };
  // Where both are the case the mandatory one is told: nothing but another value ends that.
  const mandatory = conflicts.filter((conflict) => conflict.mandatory);
  const about = mandatory.length > 0 ? mandatory : conflicts;
  const texts = about.map(({ field, winner }) => `${field} is overruled by ${winner}`);
  const shown = [...new Set(texts)].sort().slice(0, CONFLICTS_SHOWN).join('; ');
  if (mandatory.length === 0) {
    const message = `equally specific and older, or first by name: ${shown}`;
    return { status: 'True', reason: 'OverruledByOlder', message };
  }
  const message = `mandatory, and not to be weakened: ${shown}`;
  return { status: 'True', reason: 'OverruledByMandatory', message };
}

function condition(
  type: Condition['type'],
  verdict: Verdict,
  observedGeneration: number,
  previous: PolicyStatus | undefined,
  nowMs: number,
): Condition {
  const before = previous?.conditions.find((each) => each.type === type);
  const same = before?.status === verdict.status;
  return {
    type,
    ...verdict,
    observedGeneration,
    lastTransitionTime: same ? before.lastTransitionTime : timestamp(nowMs),
  };
}

/** Whole seconds, as metav1.Time has them. */
function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

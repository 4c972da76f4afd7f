import type { Acceptance } from '../compile/acceptance.ts';
import type { Conflict } from '../compile/conflict.ts';
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

const LAGGARDS_MAX = 5;
const CONFLICTS_SHOWN = 5;

/** Pure: what is known of a policy → what its status says. Proxies that hold an older spec count as neither. */
export function computeStatus(input: StatusInput): PolicyStatus {
  const { policy, acceptance, holders, nowMs } = input;
  const { accepted, reason, message } = acceptance;
  const verdicts: Record<Condition['type'], Verdict> = {
    Accepted: { status: accepted ? 'True' : 'False', reason, message },
    InForce: inForce(input),
    Conflicted: conflicted(input.conflicts),
  };
  const conditions = (['Accepted', 'InForce', 'Conflicted'] as const).map((type) =>
    condition(type, verdicts[type], policy.generation, input.previous, nowMs),
  );
  const late = accepted ? holders.filter(({ state }) => state !== 'InForce') : [];
  const refused = late.filter(({ state }) => state === 'Refused').length;
  return {
    observedGeneration: policy.generation,
    conditions,
    proxies: {
      targeted: holders.length,
      inForce: accepted ? holders.length - late.length : 0,
      lagging: late.length - refused,
      refused,
    },
    laggards: [...late]
      .sort((a, b) => a.sinceMs - b.sinceMs || (a.pod < b.pod ? -1 : 1))
      .slice(0, LAGGARDS_MAX)
      .map(({ pod, sinceMs, reason: why }) => ({ pod, since: timestamp(sinceMs), reason: why })),
  };
}

function inForce(input: StatusInput): Verdict {
  const { acceptance, generationInForce, holders, collecting, replaying } = input;
  if (!acceptance.accepted) return notAccepted(generationInForce);
  if (replaying && !holders.some(({ state }) => state === 'Refused')) {
    const message = 'other replicas of the operator have not reported yet';
    return { status: 'Unknown', reason: 'Collecting', message };
  }
  if (holders.length === 0) {
    return { status: 'True', reason: 'NoTargets', message: 'no ready proxy is a target of this policy' };
  }
  const count = (state: Holder['state']) => holders.filter((holder) => holder.state === state).length;
  const message = `in force on ${count('InForce')} of ${holders.length} proxies`;
  if (count('InForce') === holders.length) return { status: 'True', reason: 'InForce', message };
  if (count('Refused') > 0) return { status: 'False', reason: 'Refused', message };
  if (collecting) return { status: 'Unknown', reason: 'Collecting', message: `${message} so far` };
  return { status: 'False', reason: 'Lagging', message };
}

function notAccepted(generationInForce: number | undefined): Verdict {
  const message =
    generationInForce === undefined
      ? 'nothing is in force: no generation of this policy was ever accepted'
      : `generation ${generationInForce}, the last accepted one, stays in force`;
  return { status: 'False', reason: 'NotAccepted', message };
}

function conflicted(conflicts: readonly Conflict[]): Verdict {
  if (conflicts.length === 0)
    return { status: 'False', reason: 'NoConflicts', message: 'no other policy overrules it' };
  const texts = conflicts.map(({ field, winner }) => `${field} is overruled by ${winner}`);
  const shown = [...new Set(texts)].sort().slice(0, CONFLICTS_SHOWN);
  return {
    status: 'True',
    reason: 'OverruledByOlder',
    message: `equally specific and older, or first by name: ${shown.join('; ')}`,
  };
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

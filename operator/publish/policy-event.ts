import type { Policy } from '../mesh/model.ts';
import type { Condition, PlatformEvent, PolicyStatus } from '../platform.ts';

type Type = Condition['type'];

/** The state that a policy's owner has to do something about. Lagging is none: it passes by itself. */
const IS_TROUBLE: Readonly<Record<Type, (condition: Condition) => boolean>> = {
  Accepted: ({ status }) => status === 'False',
  ResolvedRefs: ({ status }) => status === 'False',
  InForce: ({ status, reason }) => status === 'False' && reason === 'Refused',
  Conflicted: ({ status }) => status === 'True',
};
const TYPES = Object.keys(IS_TROUBLE) as Type[];

/**
 * Pure: what happened to a policy between two statuses that its owner should be told. A Warning for each condition
 * that turns to trouble, or to trouble for another reason than before; Normal for one that is well again.
 */
export function policyEvents(
  policy: Policy,
  before: PolicyStatus | undefined,
  now: PolicyStatus,
): PlatformEvent[] {
  const { namespace, name, uid } = policy;
  const about = { kind: 'MeshPolicy', namespace, name, uid } as const;
  const events: PlatformEvent[] = [];
  for (const type of TYPES) {
    const was = conditionOf(before, type);
    const is = conditionOf(now, type);
    if (is === undefined) continue;
    const isTrouble = IS_TROUBLE[type](is);
    const wasTrouble = was !== undefined && IS_TROUBLE[type](was);
    if (isTrouble && !(wasTrouble && saysTheSame(was, is))) events.push(event('Warning', is));
    else if (isWell(is) && wasTrouble) events.push(event('Normal', is));
  }
  return events;

  function event(kind: PlatformEvent['type'], condition: Condition): PlatformEvent {
    return { about, type: kind, reason: condition.reason, message: messageOf(policy, condition) };
  }
}

function conditionOf(status: PolicyStatus | undefined, wanted: Type): Condition | undefined {
  return status?.conditions.find(({ type }) => type === wanted);
}

function isWell({ type, status }: Condition): boolean {
  return status === (type === 'Conflicted' ? 'False' : 'True');
}

/** Messages other than of Accepted follow what goes on outside, and change without news for the owner. */
function saysTheSame(a: Condition, b: Condition): boolean {
  return a.reason === b.reason && (b.type !== 'Accepted' || a.message === b.message);
}

function messageOf({ generation }: Policy, { type, status, message }: Condition): string {
  if (type !== 'Accepted') return message;
  return status === 'True'
    ? `generation ${generation} was accepted`
    : `generation ${generation} was not accepted: ${message}`;
}

import type { Policy } from '../mesh/model.ts';
import type { Condition, PlatformEvent, PolicyStatus } from '../platform.ts';

/**
 * Pure: what happened to a policy between two statuses that its owner should be told. A Warning when it becomes
 * not accepted, or is so for another reason than before; Normal when it is accepted after all. Undefined: nothing.
 */
export function acceptanceEvent(
  policy: Policy,
  before: PolicyStatus | undefined,
  now: PolicyStatus,
): PlatformEvent | undefined {
  const was = accepted(before);
  const is = accepted(now);
  if (is === undefined) return undefined;
  const { namespace, name, uid, generation } = policy;
  const about = { kind: 'MeshPolicy', namespace, name, uid } as const;
  if (is.status === 'False' && !saysTheSame(was, is)) {
    const message = `generation ${generation} was not accepted: ${is.message}`;
    return { about, type: 'Warning', reason: is.reason, message };
  }
  if (is.status === 'True' && was?.status === 'False') {
    return { about, type: 'Normal', reason: is.reason, message: `generation ${generation} was accepted` };
  }
  return undefined;
}

function accepted(status: PolicyStatus | undefined): Condition | undefined {
  return status?.conditions.find(({ type }) => type === 'Accepted');
}

function saysTheSame(a: Condition | undefined, b: Condition): boolean {
  return a?.status === b.status && a.reason === b.reason && a.message === b.message;
}

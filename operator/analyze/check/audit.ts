import { modeOf } from '../../compile/authorization.ts';
import type { Found } from './codes.ts';
import { type Inspection, onPolicy } from './inspection.ts';

const DAY_MS = 24 * 3_600_000;

/** A trial that nobody ended. Policies in files have no age. */
export function longAudits({ policies, options: { nowMs, auditDays } }: Inspection): Found[] {
  return policies.flatMap((policy) => {
    if (modeOf(policy) !== 'Audit') return [];
    const createdMs = Date.parse(policy.createdAt);
    const days = Math.floor((nowMs - createdMs) / DAY_MS);
    if (!(createdMs > 0) || days < auditDays) return [];
    return onPolicy(policy, 'spec.inbound.authorization.mode', {
      ...{ severity: 'info', code: 'LongAudit' },
      message: `made ${days} days ago and still in Audit mode: nothing of its authorization is enforced`,
      fix: 'look at weft_authorization_total{mode="Audit"}, then write mode: Enforce, or remove the policy',
    });
  });
}

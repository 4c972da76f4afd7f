import type { Finding } from '../../../api/analysis.ts';
import { distinct } from '../../compile/conflict.ts';
import { acceptanceOf, effective } from '../../compile/effective.ts';
import { referencesOf } from '../../compile/references.ts';
import { trafficConflicts } from '../../compile/traffic/conflicts.ts';
import { type Inspection, onPolicy } from './inspection.ts';

/** Policies that are not in force as they are written. */

export function notAccepted({ mesh }: Inspection): Finding[] {
  return mesh.policies().flatMap((policy) => {
    const { accepted, reason, message } = acceptanceOf(mesh, policy);
    if (accepted) return [];
    const inForce = effective(mesh, policy)?.generation;
    const consequence =
      inForce === undefined ? 'nothing of it is in force' : `generation ${inForce} stays in force`;
    const [said, fix] = saidAndFix(message);
    return [
      onPolicy(policy, undefined, {
        ...{ severity: 'error', code: 'NotAccepted', fix },
        message: `not accepted (${reason}), ${consequence}: ${said}`,
      }),
    ];
  });
}

export function notResolved({ mesh }: Inspection): Finding[] {
  return mesh.policies().flatMap((policy) => {
    const { status, reason, message } = referencesOf(mesh, policy);
    // What cannot be fetched is not looked for here.
    if (status !== 'False' || reason === 'JwksUnavailable') return [];
    const [said, fix] = saidAndFix(message);
    return [onPolicy(policy, undefined, { severity: 'error', code: `${reason}`, message: said, fix })];
  });
}

export function conflicted({ mesh, proxies }: Inspection): Finding[] {
  const ofProxies = proxies.flatMap(({ compiled }) => compiled.conflicts);
  const ofTraffic = mesh.policies().flatMap((policy) => trafficConflicts(mesh, policy));
  return distinct([...ofProxies, ...ofTraffic]).map(({ loser, winner, field, mandatory }) =>
    onPolicy({ key: loser }, field, {
      ...{ severity: 'warning', code: 'Conflicted' },
      message: mandatory
        ? `overruled by ${winner}, which is mandatory`
        : `overruled by ${winner}, which is as specific, and older or first by name`,
      fix: mandatory
        ? 'say nothing weaker here, or change the mandatory policy'
        : 'say it in one of the two, or make this one more specific: target a Service, a Workload or ports',
    }),
  );
}

/** Messages of the operator end with what to do, after a colon. */
function saidAndFix(message: string): [said: string, fix: string] {
  const at = message.lastIndexOf(': ');
  if (at === -1 || message.includes('; ')) return [message, 'correct what the policy names, or create it'];
  return [message.slice(0, at), message.slice(at + 2)];
}

import { closest } from '../../../api/closest.ts';
import { distinct } from '../../compile/conflict.ts';
import { acceptanceOf, effective } from '../../compile/effective.ts';
import { unresolvedRefs } from '../../compile/references.ts';
import { trafficConflicts } from '../../compile/traffic/conflicts.ts';
import type { Found } from './codes.ts';
import { type Inspection, onPolicy } from './inspection.ts';

/** Policies that are not in force as they are written. */

export function notAccepted({ mesh }: Inspection): Found[] {
  return mesh.policies().flatMap((policy) => {
    const { accepted, reason, message, field } = acceptanceOf(mesh, policy);
    if (accepted) return [];
    const inForce = effective(mesh, policy)?.generation;
    const consequence =
      inForce === undefined ? 'nothing of it is in force' : `generation ${inForce} stays in force`;
    const [said, fix] = saidAndFix(message);
    return [
      onPolicy(policy, field, {
        ...{ severity: 'error', code: 'NotAccepted', fix },
        message: `not accepted (${reason}), ${consequence}: ${said}`,
      }),
    ];
  });
}

/** What cannot be fetched is another finding. */
export function notResolved({ mesh, policies }: Inspection): Found[] {
  const known = mesh.services().map(({ key }) => key);
  return policies.flatMap((policy) =>
    unresolvedRefs(mesh, policy).map(({ reason, message, field }) => {
      const [said, fix] = saidAndFix(message);
      const meant = closestNamed(message, known);
      return onPolicy(policy, field, {
        ...{ severity: 'error', code: reason, message: said },
        fix: meant === undefined ? fix : `did you mean ${meant}?`,
      });
    }),
  );
}

const NO_SERVICE = /^Service (\S+) does not exist$/;

function closestNamed(message: string, known: readonly string[]): string | undefined {
  const [, name] = NO_SERVICE.exec(message) ?? [];
  return name && closest(name, known);
}

export function conflicted({ mesh, proxies }: Inspection): Found[] {
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

/** Messages of the operator end with what to do, after a colon; those of the schema begin with the field. */
function saidAndFix(message: string): [said: string, fix: string] {
  // what to write may have a colon in it
  const verb = message.search(ORDER);
  const at = verb === -1 ? message.lastIndexOf(': ') : verb;
  if (at === -1 || message.includes('; ') || message.startsWith('spec')) return [message, CORRECT];
  return [message.slice(0, at), message.slice(at + 2)];
}

const ORDER = /: (?=(?:write|remove|mend|split|make|rename|create|move) )/;
const CORRECT = 'correct it as said, or create what the policy names';

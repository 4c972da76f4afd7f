import type { PolicyNote } from '../../api/analysis.ts';
import type { CompiledOrigin } from '../compile/compiled-origin.ts';
import type { Conflict } from '../compile/conflict.ts';
import { acceptanceOf, type EffectivePolicy, effective } from '../compile/effective.ts';
import { compileProxyConfig } from '../compile/proxy-config.ts';
import { referencesOf } from '../compile/references.ts';
import { hitsOn } from '../compile/target.ts';
import { trafficConflicts } from '../compile/traffic/conflicts.ts';
import { trafficHits } from '../compile/traffic/hits.ts';
import { originsOfDestination } from '../compile/traffic/origins.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Policy, Service, ServicePort, Workload } from '../mesh/model.ts';

/** What there is to say of policies that are about the subject, besides the values that hold. */

export function notesOnProxy(mesh: Mesh, workload: Workload): PolicyNote[] {
  if (!mesh.isMeshed(workload)) return [];
  const { origins, conflicts } = compileProxyConfig(mesh, workload);
  const about = hitsOn(mesh, workload).map(({ policy }) => policy);
  const inConfiguration = about.filter(({ spec: { inbound, egress, telemetry } }) =>
    [inbound, egress, telemetry].some((part) => part !== undefined),
  );
  return [
    ...mesh.policiesTargeting(workload).flatMap((policy) => notAccepted(mesh, policy)),
    ...withoutEffect(inConfiguration, origins),
    ...conflicts.map(conflicted),
  ];
}

export function notesOnDestination(
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  caller: Workload,
): PolicyNote[] {
  const key = `${service.key}:${port.port}`;
  const origins = originsOfDestination(mesh, key, caller) ?? [];
  const about = trafficHits(mesh, service, port, caller).map(({ policy }) => policy);
  const policies = about.flatMap(({ key: each }) => mesh.policy(each) ?? []);
  return [
    ...mesh.policiesOnTraffic(service.key).flatMap((policy) => notAccepted(mesh, policy)),
    ...withoutEffect(about, origins),
    ...policies.flatMap((policy) => trafficConflicts(mesh, policy)).map(conflicted),
    ...policies.flatMap((policy) => notResolved(mesh, policy)),
  ];
}

export function distinctNotes(notes: readonly PolicyNote[]): PolicyNote[] {
  const byText = new Map(notes.map((note) => [`${note.policy} ${note.reason} ${note.message}`, note]));
  return [...byText.keys()].sort().map((text) => byText.get(text)!);
}

function notAccepted(mesh: Mesh, policy: Policy): PolicyNote[] {
  const { accepted, message } = acceptanceOf(mesh, policy);
  if (accepted) return [];
  const inForce = effective(mesh, policy)?.generation;
  const consequence =
    inForce === undefined ? 'nothing of it is in force' : `generation ${inForce} stays in force`;
  return [
    {
      ...{ policy: policy.key, reason: 'NotAccepted' },
      message: `generation ${policy.generation} is not accepted, ${consequence}: ${message}`,
    },
  ];
}

function notResolved(mesh: Mesh, policy: Policy): PolicyNote[] {
  const { status, message } = referencesOf(mesh, policy);
  return status === 'False' ? [{ policy: policy.key, reason: 'NotResolved', message }] : [];
}

function conflicted({ loser, winner, field, mandatory }: Conflict): PolicyNote {
  const why = mandatory ? 'which is mandatory' : 'which is as specific, and older or first by name';
  return { policy: loser, reason: 'Conflicted', message: `${field} is overruled by ${winner}, ${why}` };
}

/** Of policies that are about it, those of which no value holds. */
function withoutEffect(about: readonly EffectivePolicy[], origins: readonly CompiledOrigin[]): PolicyNote[] {
  const winners = new Set(origins.flatMap(({ origin }) => origin?.policy ?? []));
  return about
    .filter(({ key }) => !winners.has(key))
    .map(({ key }) => {
      const lost = origins.filter((each) => each.lost.some(({ origin }) => origin.policy === key));
      const by = [...new Set(lost.flatMap(({ origin }) => origin?.policy ?? []))].sort();
      if (by.length === 0) {
        return { policy: key, reason: 'Redundant', message: 'without it the same would hold here' };
      }
      return {
        ...{ policy: key, reason: 'Overruled' },
        message: `all it says here is overruled by ${by.join(' and ')}`,
      };
    });
}

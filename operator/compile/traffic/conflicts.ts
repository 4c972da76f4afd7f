import { targetKind } from '../../../api/mesh-policy.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Policy, Service, Workload } from '../../mesh/model.ts';
import { type Conflict, distinct } from '../conflict.ts';
import { type EffectivePolicy, effective } from '../effective.ts';
import { targetsOf } from '../target.ts';
import { consumerPolicies, isViewOf, producerHits, type TrafficHit, trafficHits } from './hits.ts';
import { type LeafName, leavesSaid, settleLeaf } from './leaves.ts';
import { namedServices } from './named-services.ts';

/**
 * Where the `traffic` of a policy is overruled by one that is not more specific, on whichever Service and, for a
 * consumer's own view, for whichever consumer. Asked for a policy's status, not for every destination.
 */
export function trafficConflicts(mesh: Mesh, policy: Policy): Conflict[] {
  const about = effective(mesh, policy);
  if (about?.spec.traffic === undefined || !hasRivals(mesh, about)) return [];
  const lists = about.spec.traffic.to === undefined ? producerLists(mesh, about) : viewLists(mesh, about);
  const open = new Set(leavesSaid(about));
  const found: Conflict[] = [];
  for (const hits of lists) {
    for (const leaf of open) {
      const conflicts = conflictsOn(hits, leaf).filter(({ loser }) => loser === policy.key);
      found.push(...conflicts);
      // One Service where it loses is enough to say so.
      if (conflicts.length > 0) open.delete(leaf);
    }
    if (open.size === 0) break;
  }
  return distinct(found);
}

/** Whether there is anybody whom it may lose to: nearly always there is not, and then nothing more is asked. */
function hasRivals(mesh: Mesh, { key, namespace, spec }: EffectivePolicy): boolean {
  const isView = spec.traffic?.to !== undefined;
  const namespaces = new Set([namespace, mesh.settings.controlPlaneNamespace]);
  for (const each of namespaces) {
    for (const policy of mesh.policiesOf(each)) {
      const rival = policy.key === key ? undefined : effective(mesh, policy)?.spec;
      if (rival?.traffic === undefined) continue;
      const isAlike = targetKind(rival) === targetKind(spec) && (rival.traffic.to !== undefined) === isView;
      if (rival.enforcement === 'Mandatory' || (isAlike && each === namespace)) return true;
    }
  }
  return false;
}

function conflictsOn(hits: readonly TrafficHit[], leaf: LeafName): readonly Conflict[] {
  return hits.length < 2 ? [] : (settleLeaf(hits, leaf)?.conflicts ?? []);
}

function* producerLists(mesh: Mesh, policy: EffectivePolicy): Iterable<TrafficHit[]> {
  for (const service of servicesOf(mesh, policy)) {
    for (const port of service.ports) yield producerHits(mesh, service, port);
  }
}

/** Of consumers that the same views are about, one stands for all. */
function* viewLists(mesh: Mesh, policy: EffectivePolicy): Iterable<TrafficHit[]> {
  const { namespace, spec } = policy;
  const services = namedServices(namespace, spec).to.flatMap((key) => mesh.service(key) ?? []);
  const views = consumerPolicies(mesh, namespace);
  const consumers = new Map<string, Workload>();
  for (const consumer of mesh.workloadsOf(namespace)) {
    if (consumer.finished || !isViewOf(mesh, policy, consumer)) continue;
    const held = views.filter((each) => isViewOf(mesh, each, consumer)).map(({ key }) => key);
    consumers.set(held.join(' '), consumer);
  }
  for (const consumer of consumers.values()) {
    for (const service of services) {
      for (const port of service.ports) yield trafficHits(mesh, service, port, consumer);
    }
  }
}

/** Whatever its ports. */
export function servicesOf(mesh: Mesh, { namespace, spec }: EffectivePolicy): Service[] {
  const kind = targetKind(spec);
  if (kind === 'Mesh') return mesh.services();
  if (kind === 'Namespace') return mesh.servicesOf(namespace);
  if (kind !== 'Service') return [];
  return targetsOf(spec).flatMap(({ name }) => mesh.service(`${namespace}/${name}`) ?? []);
}

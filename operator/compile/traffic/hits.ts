import { targetKind } from '../../../api/mesh-policy.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../../mesh/model.ts';
import { byPrecedence } from '../conflict.ts';
import { type EffectivePolicy, effective } from '../effective.ts';
import { hitOf, targetsOf } from '../target.ts';
import { isPermitted } from './consent.ts';
import { isAboutPort } from './target-ports.ts';

/** How the `traffic` of a policy is about one port of one Service, as one consumer calls it. */
export interface TrafficHit {
  readonly policy: EffectivePolicy;
  /**
   * What the Service's side says: Mesh 0 < Namespace 2 < Service 4; one more with ports. What the consumer's side
   * says of its own calls is above that: Namespace 8 < Workload 9.
   */
  readonly specificity: number;
}

const PRODUCER_KINDS = ['Mesh', 'Namespace', 'Service'];
const CONSUMER_KINDS = ['Namespace', 'Workload'];
const CONSUMER_BASE = 8;

/** All policies about it, also those that are overruled in everything; the strongest first. */
export function trafficHits(
  mesh: Mesh,
  service: Service,
  port: ServicePort,
  consumer: Workload,
): TrafficHit[] {
  const policies = policiesOnTraffic(mesh, service);
  const own = policies.flatMap((policy) => consumerHit(mesh, policy, service, consumer) ?? []);
  const others = policies.flatMap((policy) => producerHit(mesh, policy, service, port) ?? []);
  return [...others, ...own].sort(strongestFirst);
}

/** What the Service's side says to all who call it; the strongest first. */
export function producerHits(mesh: Mesh, service: Service, port: ServicePort): TrafficHit[] {
  const policies = policiesOnTraffic(mesh, service);
  return policies.flatMap((policy) => producerHit(mesh, policy, service, port) ?? []).sort(strongestFirst);
}

function policiesOnTraffic(mesh: Mesh, { key }: Service): EffectivePolicy[] {
  return mesh.policiesOnTraffic(key).flatMap((policy) => effective(mesh, policy) ?? []);
}

/** Those with a view of their own of what pods of this namespace call. */
export function consumerPolicies(mesh: Mesh, namespace: string): EffectivePolicy[] {
  const policies = mesh.policiesOf(namespace).flatMap((policy) => effective(mesh, policy) ?? []);
  return policies.filter(({ spec }) => spec.traffic?.to !== undefined);
}

/** Whether the target of a consumer's view is this workload; ports of the target say which pods are meant. */
export function isViewOf(mesh: Mesh, policy: EffectivePolicy, consumer: Workload): boolean {
  return CONSUMER_KINDS.includes(targetKind(policy.spec)) && hitOf(mesh, policy, consumer, []) !== undefined;
}

/** Whether a consumer's view names the Service, with the consent of its namespace. */
export function names(mesh: Mesh, policy: EffectivePolicy, service: Service): boolean {
  return (policy.spec.traffic?.to ?? []).some(
    (to) =>
      to.service === service.name &&
      (to.namespace ?? policy.namespace) === service.namespace &&
      isPermitted(mesh, policy.namespace, service),
  );
}

function producerHit(
  mesh: Mesh,
  policy: EffectivePolicy,
  service: Service,
  port: ServicePort,
): TrafficHit | undefined {
  const { namespace, spec } = policy;
  if (spec.traffic === undefined || spec.traffic.to !== undefined) return undefined;
  const kind = PRODUCER_KINDS.indexOf(targetKind(spec));
  if (kind === -1 || (kind > 0 && namespace !== service.namespace)) return undefined;
  const about = targetsOf(spec).filter(
    ({ name, ports }) =>
      (name === undefined || name === service.name) &&
      (ports === undefined || isAboutPort(mesh, service, port, ports)),
  );
  if (about.length === 0) return undefined;
  return { policy, specificity: kind * 2 + Number(about.every(({ ports }) => ports !== undefined)) };
}

function consumerHit(
  mesh: Mesh,
  policy: EffectivePolicy,
  service: Service,
  consumer: Workload,
): TrafficHit | undefined {
  if (!names(mesh, policy, service) || !isViewOf(mesh, policy, consumer)) return undefined;
  const kind = CONSUMER_KINDS.indexOf(targetKind(policy.spec));
  return { policy, specificity: CONSUMER_BASE + kind };
}

function strongestFirst(a: TrafficHit, b: TrafficHit): number {
  return b.specificity - a.specificity || byPrecedence(a.policy, b.policy);
}

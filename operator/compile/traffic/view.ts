import type { Source } from '../../../api/mesh-policy.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service, ServicePort, Workload } from '../../mesh/model.ts';
import { findDestination } from '../destination.ts';
import type { EffectivePolicy } from '../effective.ts';
import { isCaller } from './caller.ts';
import { consumerPolicies, isViewOf, producerHits } from './hits.ts';
import { namedServices } from './named-services.ts';

/**
 * What of a consumer decides its Destination of one key, as text: consumers with equal text get equal bytes, so a
 * thousand sidecars with the same view cost one compilation. Made for one state of what the key depends on: to be
 * made anew when its host is marked.
 */
export type ViewOf = (consumer: Workload) => string;

/** What of the mesh decides views, for consumers of one namespace. */
interface Questions {
  /** views that name the Service, or one that its routes lead to */
  readonly views: readonly EffectivePolicy[];
  /** callers that matches of routes are for */
  readonly callers: readonly { readonly from: readonly Source[]; readonly namespace: string }[];
}

const NO_QUESTIONS: Questions = { views: [], callers: [] };

export function viewsOf(mesh: Mesh, key: string): ViewOf {
  const found = findDestination(mesh, key);
  if (found?.kind !== 'Service') return () => '';
  const { service, port } = found;
  const byNamespace = new Map<string, Questions>();
  // A consumer that changes is another object.
  const known = new WeakMap<Workload, string>();
  return (consumer) => {
    const text = known.get(consumer);
    if (text !== undefined) return text;
    const { namespace } = consumer;
    const questions = byNamespace.get(namespace) ?? questionsOf(mesh, service, port, namespace);
    byNamespace.set(namespace, questions);
    const answer = answerOf(mesh, questions, consumer);
    known.set(consumer, answer);
    return answer;
  };
}

export function viewOf(mesh: Mesh, key: string, consumer: Workload): string {
  return viewsOf(mesh, key)(consumer);
}

function questionsOf(mesh: Mesh, service: Service, port: ServicePort, namespace: string): Questions {
  const producers = producerHits(mesh, service, port).map(({ policy }) => policy);
  const views = consumerPolicies(mesh, namespace);
  const about = views.filter((policy) => toOf(policy).includes(service.key));
  const routing = [...producers, ...about].filter(({ spec }) => spec.traffic?.routes !== undefined);
  const relevant = new Set([service.key, ...routing.flatMap(backendsOf)]);
  const named = views.filter((policy) => toOf(policy).some((each) => relevant.has(each)));
  const callers = routing.flatMap(callersOf);
  return named.length + callers.length === 0 ? NO_QUESTIONS : { views: named, callers };
}

function answerOf(mesh: Mesh, { views, callers }: Questions, consumer: Workload): string {
  const { trustDomain } = mesh.settings;
  const held = views.filter((policy) => isViewOf(mesh, policy, consumer)).map(({ key }) => key);
  const fits = callers.map(({ from, namespace }) =>
    isCaller(from, namespace, consumer, trustDomain) ? '1' : '0',
  );
  return `${held.join(' ')} ${fits.join('')}`;
}

function toOf({ namespace, spec }: EffectivePolicy): readonly string[] {
  return namedServices(namespace, spec).to;
}
function backendsOf({ namespace, spec }: EffectivePolicy): readonly string[] {
  return namedServices(namespace, spec).backends;
}
function callersOf({ namespace, spec }: EffectivePolicy): Questions['callers'] {
  const matches = (spec.traffic?.routes ?? []).flatMap(({ match }) => match ?? []);
  return matches.flatMap(({ from }) => (from === undefined ? [] : [{ from, namespace }]));
}

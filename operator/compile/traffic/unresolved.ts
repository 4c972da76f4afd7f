import type { Route } from '../../../api/mesh-policy.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Service } from '../../mesh/model.ts';
import type { EffectivePolicy } from '../effective.ts';
import { targetsOf } from '../target.ts';
import { servicesOf } from './conflicts.ts';
import { isPermitted, missingGrant } from './consent.ts';
import { namedServices } from './named-services.ts';
import type { BackendRef } from './routes.ts';
import { isAboutPort } from './target-ports.ts';

/** Reasons as Gateway API's condition ResolvedRefs has them. */
export interface Unresolved {
  readonly reason: 'RefNotPermitted' | 'BackendNotFound' | 'TargetNotFound';
  readonly message: string;
}

/** The Services that the `traffic` of a policy names and that it may not, or cannot, lead to; each once. */
export function unresolvedServices(mesh: Mesh, policy: EffectivePolicy): Unresolved[] {
  const { namespace, spec } = policy;
  const named = (spec.traffic?.to ?? []).flatMap(({ service: name, namespace: of = namespace }) =>
    unresolvedService(mesh, namespace, { namespace: of, name }, 'TargetNotFound'),
  );
  const refs = (spec.traffic?.routes ?? []).flatMap(refsOf);
  const backends = refs.flatMap((ref) => unresolvedBackend(mesh, policy, ref));
  return [...new Map([...named, ...backends].map((each) => [each.message, each])).values()];
}

function refsOf({ backends = [], mirror }: Route): BackendRef[] {
  return mirror === undefined ? backends : [...backends, mirror];
}

function unresolvedBackend(mesh: Mesh, policy: EffectivePolicy, ref: BackendRef): Unresolved[] {
  const id = { namespace: ref.namespace ?? policy.namespace, name: ref.service };
  const missing = unresolvedService(mesh, policy.namespace, id, 'BackendNotFound');
  if (missing.length > 0) return missing;
  const service = mesh.service(`${id.namespace}/${id.name}`)!;
  const wanted = ref.port === undefined ? calledPorts(mesh, policy) : [ref.port];
  const absent = wanted.filter((port) => !service.ports.some((each) => each.port === port));
  if (absent.length === 0) return [];
  const fix = ref.port === undefined ? ', which callers call: name a port of its own beside it' : '';
  return [
    { reason: 'BackendNotFound', message: `Service ${service.key} has no port ${absent.join(' or ')}${fix}` },
  ];
}

function unresolvedService(
  mesh: Mesh,
  policyNamespace: string,
  id: { readonly namespace: string; readonly name: string },
  notFound: 'BackendNotFound' | 'TargetNotFound',
): Unresolved[] {
  // Whether it exists is nobody's business before its namespace has agreed.
  if (!isPermitted(mesh, policyNamespace, id)) {
    return [{ reason: 'RefNotPermitted', message: missingGrant(policyNamespace, id) }];
  }
  const key = `${id.namespace}/${id.name}`;
  if (mesh.service(key) !== undefined) return [];
  return [{ reason: notFound, message: `Service ${key} does not exist` }];
}

/** The ports of the Services that the policy is about, which a backend without a port has to have too. */
function calledPorts(mesh: Mesh, policy: EffectivePolicy): number[] {
  const { namespace, spec } = policy;
  const isView = spec.traffic?.to !== undefined;
  const services: readonly Service[] = isView
    ? namedServices(namespace, spec).to.flatMap((key) => mesh.service(key) ?? [])
    : servicesOf(mesh, policy);
  const targets = targetsOf(spec);
  const ports = services.flatMap((service) =>
    service.ports.filter((port) =>
      targets.some((target) => target.ports === undefined || isAboutPort(mesh, service, port, target.ports)),
    ),
  );
  return [...new Set(ports.map(({ port }) => port))].sort((a, b) => a - b);
}

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
  /** path in the policy of what names it */
  readonly field: string;
}

/** The Services that the `traffic` of a policy names and that it may not, or cannot, lead to; each once. */
export function unresolvedServices(mesh: Mesh, policy: EffectivePolicy): Unresolved[] {
  const { namespace, spec } = policy;
  const named = (spec.traffic?.to ?? []).flatMap(({ service: name, namespace: of = namespace }, index) =>
    unresolvedService(
      mesh,
      namespace,
      { namespace: of, name },
      { reason: 'TargetNotFound', field: `spec.traffic.to[${index}]` },
    ),
  );
  const refs = (spec.traffic?.routes ?? []).flatMap(refsOf);
  const backends = refs.flatMap((ref) => unresolvedBackend(mesh, policy, ref));
  const byMessage = new Map<string, Unresolved>();
  for (const each of [...named, ...backends]) {
    if (!byMessage.has(each.message)) byMessage.set(each.message, each);
  }
  return [...byMessage.values()];
}

interface PlacedRef {
  readonly ref: BackendRef;
  readonly field: string;
}

function refsOf({ name, backends = [], mirror }: Route): PlacedRef[] {
  const route = `spec.traffic.routes[${name}]`;
  const placed = backends.map((ref, index) => ({ ref, field: `${route}.backends[${index}]` }));
  return mirror === undefined ? placed : [...placed, { ref: mirror, field: `${route}.mirror` }];
}

function unresolvedBackend(mesh: Mesh, policy: EffectivePolicy, { ref, field }: PlacedRef): Unresolved[] {
  const reason = 'BackendNotFound';
  const id = { namespace: ref.namespace ?? policy.namespace, name: ref.service };
  const missing = unresolvedService(mesh, policy.namespace, id, { reason, field });
  if (missing.length > 0) return missing;
  const service = mesh.service(`${id.namespace}/${id.name}`)!;
  const wanted = ref.port === undefined ? calledPorts(mesh, policy) : [ref.port];
  const absent = wanted.filter((port) => !service.ports.some((each) => each.port === port));
  if (absent.length === 0) return [];
  const fix = ref.port === undefined ? ', which callers call: name a port of its own beside it' : '';
  return [{ reason, field, message: `Service ${service.key} has no port ${absent.join(' or ')}${fix}` }];
}

function unresolvedService(
  mesh: Mesh,
  policyNamespace: string,
  id: { readonly namespace: string; readonly name: string },
  notFound: Pick<Unresolved, 'reason' | 'field'>,
): Unresolved[] {
  // Whether it exists is nobody's business before its namespace has agreed.
  if (!isPermitted(mesh, policyNamespace, id)) {
    const message = missingGrant(policyNamespace, id);
    return [{ reason: 'RefNotPermitted', field: notFound.field, message }];
  }
  const key = `${id.namespace}/${id.name}`;
  if (mesh.service(key) !== undefined) return [];
  return [{ ...notFound, message: `Service ${key} does not exist` }];
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

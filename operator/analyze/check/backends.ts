import type { Route } from '../../../api/mesh-policy.ts';
import type { EffectivePolicy } from '../../compile/effective.ts';
import { endpointsOf } from '../../compile/endpoints.ts';
import { isPermitted } from '../../compile/traffic/consent.ts';
import type { Service, ServicePort } from '../../mesh/model.ts';
import type { Found } from './codes.ts';
import { type Inspection, onPolicy } from './inspection.ts';
import { calledServices, eachRoute, routesField } from './routes.ts';

type Backend = NonNullable<Route['backends']>[number];

/** A share of the requests that nobody is there to answer. What does not exist is said of its policy elsewhere. */
export function backendsWithoutEndpoints(inspection: Inspection): Found[] {
  return eachRoute(inspection, (policy, { name, backends = [] }) => {
    const sum = backends.reduce((total, { weight = 1 }) => total + weight, 0);
    return backends.flatMap((backend, index) => {
      const { weight = 1, selector } = backend;
      const service = serviceOf(inspection, policy, backend);
      if (weight === 0 || service === undefined || isAnswered(inspection, policy, service, backend))
        return [];
      const share = Math.max(1, Math.round((weight * 100) / sum));
      const labels = Object.entries(selector?.matchLabels ?? {}).map(([label, value]) => `${label}=${value}`);
      const which = labels.length === 0 ? '' : ` with ${labels.join(', ')}`;
      return onPolicy(policy, `${routesField(name)}.backends[${index}]`, {
        ...{ severity: 'warning', code: 'BackendWithoutEndpoints' },
        message: `no endpoint of ${service.key}${which} is ready: ${share} % of the requests of this route get no-endpoints`,
        fix:
          labels.length === 0
            ? 'start what is behind it, or give it weight 0 for now'
            : 'start pods with these labels, correct the labels, or give it weight 0 for now',
      });
    });
  });
}

function serviceOf(
  { mesh }: Inspection,
  policy: EffectivePolicy,
  { service: name, namespace = policy.namespace }: Backend,
): Service | undefined {
  if (!isPermitted(mesh, policy.namespace, { namespace, name })) return undefined;
  return mesh.service(`${namespace}/${name}`);
}

/** So is a Service without the port: that is said of the policy elsewhere. */
function isAnswered(
  inspection: Inspection,
  policy: EffectivePolicy,
  service: Service,
  { port, selector }: Backend,
): boolean {
  const ports: readonly ServicePort[] = service.ports.filter((each) =>
    port === undefined ? isCalled(inspection, policy, each.port) : each.port === port,
  );
  return (
    ports.length === 0 ||
    ports.some((each) => endpointsOf(inspection.mesh, service, each, selector?.matchLabels).length > 0)
  );
}

function isCalled(inspection: Inspection, policy: EffectivePolicy, port: number): boolean {
  return calledServices(inspection, policy).some(({ ports }) => ports.some((each) => each.port === port));
}

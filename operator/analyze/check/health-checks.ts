import type { Traffic } from '../../../api/mesh-policy.ts';
import { parseDestinationKey } from '../../compile/destination-key.ts';
import { containerPorts } from '../../compile/service-ports.ts';
import { compileTraffic } from '../../compile/traffic/compile-traffic.ts';
import { viewsOf } from '../../compile/traffic/view.ts';
import type { Service, ServicePort, Workload } from '../../mesh/model.ts';
import type { Found } from './codes.ts';
import { entryOf, type Inspection, onPolicy, rulesField, some } from './inspection.ts';
import { isOpaque } from './rules.ts';
import { certainDenial, type Denial, type PlainRequest } from './verdict.ts';

type HealthCheck = NonNullable<Traffic['healthCheck']>;

/** Callers of one port of a Service who ask for the same, as one policy says. */
interface Checking {
  readonly policy: string;
  readonly check: HealthCheck;
  readonly callers: readonly Workload[];
}

/** Health checks that come as the caller's own requests do, and that authorization refuses. */
export function deniedHealthChecks(inspection: Inspection): Found[] {
  const { mesh, policies } = inspection;
  if (!policies.some(({ spec }) => spec.traffic?.healthCheck !== undefined)) return [];
  return mesh
    .services()
    .flatMap((service) =>
      service.ports.flatMap((port) =>
        checkingOf(inspection, service, port).flatMap((each) => deniedAt(inspection, service, port, each)),
      ),
    );
}

/** One entry for those with the same view of the Service. */
function checkingOf({ mesh, proxies }: Inspection, service: Service, port: ServicePort): Checking[] {
  const key = `${service.key}:${port.port}`;
  const asked = parseDestinationKey(key);
  if (asked === undefined) return [];
  const byView = Map.groupBy(
    proxies.map(({ workload }) => workload),
    viewsOf(mesh, key),
  );
  return [...byView.values()].flatMap((callers) => {
    const { leaves, protocol } = compileTraffic(mesh, service, port, asked, callers[0]!);
    const { healthCheck } = leaves;
    if (healthCheck === undefined || isOpaque(protocol)) return [];
    return [{ policy: healthCheck.origin.policy, check: healthCheck.value, callers }];
  });
}

function deniedAt(
  inspection: Inspection,
  service: Service,
  port: ServicePort,
  { policy, check, callers }: Checking,
): Found[] {
  const request = requestOf(check);
  if (request === undefined) return [];
  // Who runs as the same service account is the same to authorization.
  const byIdentity = new Map(callers.map((each) => [`${each.namespace}/${each.serviceAccount}`, each]));
  const denials = [...byIdentity].flatMap(([identity, caller]) => {
    const denial = denialBehind(inspection, service, port, caller, request);
    return denial === undefined ? [] : [{ identity, denial }];
  });
  const [first] = denials;
  if (first === undefined) return [];
  const denied = denials.map(({ identity }) => identity).sort();
  return [finding(inspection, policy, `${service.key}:${port.port}`, request, denied, first.denial)];
}

/** Of the first pod that denies it. */
function denialBehind(
  inspection: Inspection,
  service: Service,
  port: ServicePort,
  caller: Workload,
  request: PlainRequest,
): Denial | undefined {
  const { mesh } = inspection;
  for (const target of mesh.workloadsBehind(service)) {
    const config = inspection.proxyOf(target)?.compiled.config;
    if (config === undefined) continue;
    for (const number of containerPorts(mesh, service, port, target)) {
      if (target.skippedInboundPorts?.includes(number) || isOpaque(entryOf(config, number).protocol))
        continue;
      const denial = certainDenial(config, number, caller, request);
      if (denial !== undefined) return denial;
    }
  }
  return undefined;
}

const HEALTH = { service: 'grpc.health.v1.Health', method: 'Check' };
/** What sidecars may read otherwise than it is written: parameters, escapes. */
const HAS_OTHER_FORM = /[;%*]/;

/** Undefined: what the target makes of the path is not certain. */
function requestOf({ path }: HealthCheck): PlainRequest | undefined {
  if (path === undefined) {
    return { method: 'POST', path: `/${HEALTH.service}/${HEALTH.method}`, grpc: HEALTH };
  }
  return HAS_OTHER_FORM.test(path) ? undefined : { method: 'GET', path };
}

/** Where documents are given it is told of the one among them. */
function finding(
  { options: { given } }: Inspection,
  policy: string,
  destination: string,
  { method, path, grpc }: PlainRequest,
  callers: readonly string[],
  denial: Denial,
): Found {
  const rule = denial.by === 'Rule' ? denial.rule : denial.besides;
  const isOfRule = given?.has(rule.policy) === true && !given.has(policy);
  const [where, field] = isOfRule
    ? [rule.policy, rulesField(rule.name)]
    : [policy, 'spec.traffic.healthCheck'];
  const what = `${method} ${path}`;
  const why =
    denial.by === 'Rule'
      ? `Deny rule ${rule.name} of ${rule.policy} takes it`
      : `no Allow rule lets it in, though rule ${rule.name} of ${rule.policy} allows other requests`;
  const to =
    grpc === undefined
      ? `{methods: [${method}], paths: ['${path}']}`
      : `{grpc: {service: ${grpc.service}, methods: [${grpc.method}]}}`;
  return onPolicy({ key: where }, field, {
    ...{ severity: 'warning', code: 'HealthCheckDenied' },
    message: `health checks of ${destination}, ${what}, are denied to ${some(callers)}, so its endpoints count as unhealthy there: ${why}`,
    fix:
      denial.by === 'Rule'
        ? `narrow rule ${rule.name} of ${rule.policy}, so that it leaves ${what} alone`
        : `add to the rules of ${rule.policy}, with the callers of rule ${rule.name}: {name: health-check, action: Allow, to: [${to}]}`,
  });
}

import type { MeshPolicySpec } from './mesh-policy.ts';

/**
 * What this version enforces, as paths in spec; `[]` stands for the items of a list, and a path that ends in
 * `.*` covers what is below it. Everything that is not listed is reported, so that a new field of the schema is
 * not implemented until it stands here.
 */
export const ENFORCED_PATHS: ReadonlySet<string> = new Set([
  'spec.target.kind',
  'spec.target.name',
  'spec.target.selector.matchLabels.*',
  'spec.target.ports[]',
  'spec.targetRefs[].kind',
  'spec.targetRefs[].name',
  'spec.targetRefs[].selector.matchLabels.*',
  'spec.targetRefs[].ports[]',
  'spec.enforcement',
  'spec.inbound.mtls.mode',
  'spec.inbound.authorization.mode',
  'spec.inbound.authorization.default',
  'spec.inbound.authorization.rules[].name',
  'spec.inbound.authorization.rules[].action',
  'spec.inbound.authorization.rules[].from[].serviceAccount',
  'spec.inbound.authorization.rules[].from[].namespace',
  'spec.inbound.authorization.rules[].from[].spiffeId',
  'spec.inbound.authorization.rules[].from[].ipBlock',
  'spec.inbound.authorization.rules[].to[].methods[]',
  'spec.inbound.authorization.rules[].to[].paths[]',
  'spec.inbound.authorization.rules[].to[].hosts[]',
  'spec.inbound.authorization.rules[].to[].headers[].name',
  'spec.inbound.authorization.rules[].to[].headers[].value',
  'spec.inbound.authorization.rules[].to[].grpc.service',
  'spec.inbound.authorization.rules[].to[].grpc.methods[]',
  'spec.inbound.authorization.rules[].when.jwt.issuer',
  'spec.inbound.authorization.rules[].when.jwt.claims.*',
  'spec.inbound.jwt.issuers[].name',
  'spec.inbound.jwt.issuers[].issuer',
  'spec.inbound.jwt.issuers[].jwks.type',
  'spec.inbound.jwt.issuers[].jwks.uri',
  'spec.inbound.jwt.issuers[].jwks.inline',
  'spec.inbound.jwt.issuers[].audiences[]',
  'spec.inbound.jwt.issuers[].fromHeaders[]',
  'spec.inbound.jwt.issuers[].forward',
  'spec.inbound.rateLimit[].name',
  'spec.inbound.rateLimit[].requests',
  'spec.inbound.rateLimit[].per',
  'spec.inbound.rateLimit[].burst',
  'spec.inbound.rateLimit[].key.type',
  'spec.inbound.rateLimit[].key.header',
  'spec.inbound.limits.maxConnections',
  'spec.inbound.limits.maxPendingRequests',
  'spec.inbound.limits.maxHeaderSize',
  'spec.inbound.limits.maxBodySize',
  'spec.inbound.limits.idleTimeout',
  'spec.egress.mode',
  'spec.egress.hosts[].host',
  'spec.egress.hosts[].ports[]',
  'spec.egress.hosts[].tls',
  'spec.telemetry.accessLog.mode',
  'spec.telemetry.accessLog.samplePercent',
  'spec.telemetry.tracing.endpoint',
  'spec.telemetry.tracing.samplePercent',
  'spec.telemetry.metrics.labels[]',
  'spec.traffic.protocol',
  'spec.traffic.to[].service',
  'spec.traffic.to[].namespace',
  'spec.traffic.routes[].name',
  'spec.traffic.routes[].match[].path.type',
  'spec.traffic.routes[].match[].path.value',
  'spec.traffic.routes[].match[].methods[]',
  'spec.traffic.routes[].match[].headers[].name',
  'spec.traffic.routes[].match[].headers[].value',
  'spec.traffic.routes[].match[].headers[].type',
  'spec.traffic.routes[].match[].queryParams[].name',
  'spec.traffic.routes[].match[].queryParams[].value',
  'spec.traffic.routes[].match[].queryParams[].type',
  'spec.traffic.routes[].match[].from[].serviceAccount',
  'spec.traffic.routes[].match[].from[].namespace',
  'spec.traffic.routes[].match[].from[].spiffeId',
  'spec.traffic.routes[].match[].from[].ipBlock',
  'spec.traffic.routes[].backends[].service',
  'spec.traffic.routes[].backends[].namespace',
  'spec.traffic.routes[].backends[].port',
  'spec.traffic.routes[].backends[].weight',
  'spec.traffic.routes[].backends[].selector.matchLabels.*',
  'spec.traffic.routes[].mirror.service',
  'spec.traffic.routes[].mirror.namespace',
  'spec.traffic.routes[].mirror.port',
  'spec.traffic.routes[].mirror.percent',
  'spec.traffic.routes[].rewrite.path.type',
  'spec.traffic.routes[].rewrite.path.value',
  'spec.traffic.routes[].rewrite.host',
  'spec.traffic.routes[].redirect.scheme',
  'spec.traffic.routes[].redirect.host',
  'spec.traffic.routes[].redirect.port',
  'spec.traffic.routes[].redirect.path.type',
  'spec.traffic.routes[].redirect.path.value',
  'spec.traffic.routes[].redirect.status',
  'spec.traffic.routes[].headers.request.set[].name',
  'spec.traffic.routes[].headers.request.set[].value',
  'spec.traffic.routes[].headers.request.add[].name',
  'spec.traffic.routes[].headers.request.add[].value',
  'spec.traffic.routes[].headers.request.remove[]',
  'spec.traffic.routes[].headers.response.set[].name',
  'spec.traffic.routes[].headers.response.set[].value',
  'spec.traffic.routes[].headers.response.add[].name',
  'spec.traffic.routes[].headers.response.add[].value',
  'spec.traffic.routes[].headers.response.remove[]',
  'spec.traffic.routes[].timeout.request',
  'spec.traffic.routes[].timeout.attempt',
  'spec.traffic.routes[].timeout.idle',
  'spec.traffic.routes[].retry.attempts',
  'spec.traffic.routes[].retry.conditions[]',
  'spec.traffic.routes[].retry.codes[]',
  'spec.traffic.routes[].retry.backoff.base',
  'spec.traffic.routes[].retry.backoff.max',
  'spec.traffic.routes[].retry.nonIdempotent',
  'spec.traffic.routes[].fault.abort.percent',
  'spec.traffic.routes[].fault.abort.status',
  'spec.traffic.routes[].fault.delay.percent',
  'spec.traffic.routes[].fault.delay.duration',
  'spec.traffic.routes[].fault.bandwidth',
  'spec.traffic.timeout.connect',
  'spec.traffic.timeout.request',
  'spec.traffic.timeout.idle',
  'spec.traffic.retryBudget.percent',
  'spec.traffic.retryBudget.minPerSecond',
  'spec.traffic.loadBalancing.algorithm',
  'spec.traffic.loadBalancing.locality',
  'spec.traffic.loadBalancing.slowStart',
  'spec.traffic.loadBalancing.hash.type',
  'spec.traffic.loadBalancing.hash.header',
  'spec.traffic.circuitBreaker.maxConnections',
  'spec.traffic.circuitBreaker.maxPendingRequests',
  'spec.traffic.circuitBreaker.maxRequests',
  'spec.traffic.circuitBreaker.maxRetries',
  'spec.traffic.outlierDetection.consecutiveErrors',
  'spec.traffic.outlierDetection.interval',
  'spec.traffic.outlierDetection.baseEjection',
  'spec.traffic.outlierDetection.maxEjectedPercent',
  'spec.traffic.outlierDetection.successRate.minimumHosts',
  'spec.traffic.outlierDetection.successRate.stdevFactorThousandths',
  'spec.traffic.healthCheck.path',
  'spec.traffic.healthCheck.interval',
  'spec.traffic.healthCheck.timeout',
  'spec.traffic.healthCheck.unhealthyAfter',
  'spec.traffic.healthCheck.healthyAfter',
]);

/**
 * The fields of a valid spec that this version does not enforce, sorted, each as the shortest path under which
 * nothing is enforced: `spec.traffic.routes`, `spec.inbound.authorization.rules[].when`. Empty: all is enforced.
 * A policy with such fields is not accepted: it must never look as if it were in force.
 */
export function notImplementedFields(spec: MeshPolicySpec): string[] {
  const found = new Set<string>();
  collect(spec, 'spec', found);
  return [...found].sort();
}

/** Recursion is bounded by the whitelist's depth: what is not a prefix of one of its paths ends it. */
function collect(value: unknown, path: string, found: Set<string>): void {
  if (isEnforced(path)) return;
  if (!leadsToEnforced(path)) {
    found.add(path.replace(/\[\]$/, ''));
    return;
  }
  if (Array.isArray(value)) {
    for (const item of value) collect(item, `${path}[]`, found);
    return;
  }
  if (typeof value !== 'object' || value === null) {
    found.add(path);
    return;
  }
  for (const [field, inner] of Object.entries(value)) {
    if (inner !== undefined) collect(inner, `${path}.${field}`, found);
  }
}

/** Whether the field at a path of the schema (`[]` for items of a list, `.*` for values of a map) is enforced. */
export function isEnforced(path: string): boolean {
  return ENFORCED_PATHS.has(path) || ENFORCED_PATHS.has(`${parent(path)}.*`);
}

function leadsToEnforced(path: string): boolean {
  return PREFIXES.has(path);
}

/** A label's key may contain dots, so the parent of a map's entry is found by the listed map itself. */
function parent(path: string): string {
  for (const listed of ENFORCED_PATHS) {
    const map = listed.slice(0, -2);
    if (listed.endsWith('.*') && path.startsWith(`${map}.`)) return map;
  }
  return '';
}

const PREFIXES: ReadonlySet<string> = new Set([...ENFORCED_PATHS].flatMap(prefixesOf));

/** `a.b[].c` → `a`, `a.b`, `a.b[]`. */
function prefixesOf(path: string): string[] {
  const ends = Array.from(path, (_, index) => index).slice(1);
  return ends
    .filter((end) => path[end] === '.' || path[end] === '[' || path[end - 1] === ']')
    .map((end) => path.slice(0, end));
}

import type { Route } from '../../api/mesh-policy.ts';
import type { AuthorizationRule, Egress, Issuer, Principal, RateLimit } from '../../api/proxy-config.ts';
import { describeRoute } from './describe-route.ts';
import { flow } from './flow.ts';

/** Pure: an effective value in a few words. What has none of its own is written as YAML in one line. */
export function describeValue(path: string, value: unknown): string {
  if (value === undefined) return '(none)';
  if (/^inbound\.authorization\.rules\[[^\]]*\]$/.test(path)) return describeRule(value as AuthorizationRule);
  if (/^inbound\.rateLimits\[[^\]]*\]$/.test(path)) return describeRateLimit(value as RateLimit);
  if (/^inbound\.jwt\.issuers\[[^\]]*\]$/.test(path)) return describeIssuer(value as Issuer);
  if (path === 'egress.hosts') return (value as Egress['hosts']).map(describeHost).join(', ') || 'none';
  if (/traffic\.routes\[[^\]]*\]$/.test(path)) return describeRoute(value as Route);
  if (path === 'traffic.routes' && isTexts(value)) return value.join(', ');
  return flow(value);
}

export function describeRule({ action, mode, from, to, when }: AuthorizationRule): string {
  const parts = [
    mode === 'Audit' ? `${action} (Audit: only counted)` : action,
    from === undefined ? 'anybody' : `from ${from.map(describePrincipal).join(' or ')}`,
    ...(to === undefined ? [] : [`to ${to.map(describeOperation).join(' or ')}`]),
    ...(when === undefined ? [] : [`with a token of ${when.jwt.issuer}${claimsOf(when)}`]),
  ];
  return parts.join(' ');
}

function claimsOf({ jwt: { claims = [] } }: NonNullable<AuthorizationRule['when']>): string {
  return claims.map(({ name, values }) => `, ${name} ${values.join(' or ')}`).join('');
}

export function describePrincipal({ spiffeId, ipBlock, namespace, serviceAccount }: Principal): string {
  return spiffeId ?? ipBlock ?? `${namespace}/${serviceAccount ?? '*'}`;
}

function describeOperation(operation: NonNullable<AuthorizationRule['to']>[number]): string {
  const { methods = [], paths = [], hosts = [], headers = [], grpc } = operation;
  const calls = grpc && (grpc.methods ?? ['*']).map((method) => `${grpc.service}/${method}`);
  return [
    methods.join('|'),
    paths.join('|'),
    hosts.length > 0 ? `at ${hosts.join('|')}` : '',
    calls ? `gRPC ${calls.join('|')}` : '',
    ...headers.map(({ name, value }) => `${name}: ${value}`),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

function describeRateLimit({ requests, perMs, burst, key }: RateLimit): string {
  const by =
    key.type === 'Header'
      ? `each ${key.header}`
      : { Source: 'each caller', Path: 'each path', Global: 'all' }[key.type];
  return `${requests} per ${duration(perMs)} for ${by}, burst ${burst}`;
}

function describeIssuer({ issuer, audiences, jwksUri, keys }: Issuer): string {
  // Nobody fetches them to explain something.
  const known =
    jwksUri === undefined ? `${keys?.length ?? 0} keys inline` : `keys of ${jwksUri}, not fetched here`;
  return [issuer, ...(audiences ? [`audiences ${audiences.join('|')}`] : []), known].join(', ');
}

function describeHost({ host, ports, tls }: Egress['hosts'][number]): string {
  return `${host}${ports === undefined ? '' : `:${ports.join('|')}`}${tls === 'Originate' ? ' (Originate)' : ''}`;
}

function duration(ms: number): string {
  const units = [
    [3_600_000, 'h'],
    [60_000, 'm'],
    [1_000, 's'],
  ] as const;
  const unit = units.find(([size]) => ms % size === 0 && ms > 0);
  return unit === undefined ? `${ms}ms` : `${ms / unit[0]}${unit[1]}`;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

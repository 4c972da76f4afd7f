import { BlockList, isIP } from 'node:net';

/** OTLP/HTTP's path for traces, where the endpoint names none (OpenTelemetry Protocol Exporter, endpoint URLs). */
const TRACES_PATH = '/v1/traces';

/** Where machines and clouds keep what answers every neighbour: never a collector. */
const NEVER = new BlockList();
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('fe80::', 10, 'ipv6');

/** Said by the operator of a policy, and by a sidecar of a configuration, of what has no `tracesUrl`. */
export const NO_TRACES_URL =
  'telemetry.tracing.endpoint is no URL that spans can be sent to: write http://host:4318, without a password and with no link-local address';

/** Undefined: not a URL spans can go to. No userinfo: a policy is no place for a secret. */
export function tracesUrl(endpoint: string): URL | undefined {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (url.username !== '' || url.password !== '' || isNeverCollector(hostOf(url))) return undefined;
  if (url.pathname === '/') url.pathname = TRACES_PATH;
  url.hash = '';
  return url;
}

/** Without the brackets of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

export function isNeverCollector(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && NEVER.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

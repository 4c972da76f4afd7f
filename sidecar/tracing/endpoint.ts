import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** OTLP/HTTP's path for traces, where the endpoint names none (OpenTelemetry Protocol Exporter, endpoint URLs). */
const TRACES_PATH = '/v1/traces';

/** Where machines and clouds keep what answers every neighbour: never a collector. */
const NEVER = new BlockList();
NEVER.addSubnet('169.254.0.0', 16, 'ipv4');
NEVER.addSubnet('fe80::', 10, 'ipv6');

/** Undefined: not a URL spans can go to. No userinfo: a policy is no place for a secret. */
export function tracesUrl(endpoint: string): URL | undefined {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return undefined;
  if (url.username !== '' || url.password !== '' || isNever(hostOf(url))) return undefined;
  if (url.pathname === '/') url.pathname = TRACES_PATH;
  url.hash = '';
  return url;
}

/** Without the brackets of IPv6. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function isNever(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && NEVER.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** What a name stands for may be what may not be named. */
export const lookup: LookupFunction = (hostname, options, done) => {
  systemLookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return done(error, []);
    const addresses = found.filter(({ address }) => !isNever(address));
    if (addresses.length === 0) return done(new Error('link-local address'), []);
    if (options.all === true) return done(null, addresses);
    done(null, addresses[0]!.address, addresses[0]!.family);
  });
};

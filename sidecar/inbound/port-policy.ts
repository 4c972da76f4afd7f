import type { InboundLimits, InboundPort, MtlsMode, Protocol, ProxyConfig } from '../../api/proxy-config.ts';
import { type Authorizer, compileAuthorization } from '../layers/authorization.ts';
import type { TokenAuthenticator } from '../layers/jwt-authenticator.ts';
import type { TokenAuthenticators } from '../layers/jwt-authenticators.ts';
import type { RateLimiter } from '../layers/rate-limit.ts';
import type { RateLimiters } from '../layers/rate-limiters.ts';
import { isHttp } from '../layers/version.ts';

/** Everything inbound needs to know about one container port, compiled. */
export interface PortPolicy {
  readonly mtls: MtlsMode;
  readonly protocol: Protocol | undefined;
  /** undefined: tokens are not looked at */
  readonly tokens: TokenAuthenticator | undefined;
  readonly authorizer: Authorizer;
  /** undefined: none */
  readonly rateLimiters: readonly RateLimiter[] | undefined;
  readonly limits: InboundLimits | undefined;
}
export type PortPolicies = (port: number) => PortPolicy;

/** Whether a client that speaks HTTP, of any version, is served as HTTP there. */
export function mayBeHttp(protocol: Protocol | undefined): boolean {
  return protocol === undefined || isHttp(protocol);
}

/** Throws when the configuration cannot be enforced as it is. */
export function compilePortPolicies(
  config: ProxyConfig,
  authenticators: TokenAuthenticators,
  rateLimiters: RateLimiters,
): PortPolicies {
  const { ports, rules } = config.inbound;
  const defaults = ports.filter(({ port }) => port === undefined);
  if (defaults.length !== 1) throw new Error('inbound.ports needs exactly one entry without a port');
  const fallback = defaults[0]!;
  const compile = (entry: InboundPort, port: number | undefined): PortPolicy => ({
    mtls: entry.mtls,
    protocol: entry.protocol,
    tokens: authenticators.of(entry.issuers),
    authorizer: compileAuthorization(
      rules,
      port,
      entry.authorizationDefault,
      entry.authorizationDefaultPolicy,
      entry.auditedDefaultPolicy,
    ),
    rateLimiters: rateLimiters.of(entry.rateLimits),
    limits: entry.limits,
  });

  const table = new Map<number, PortPolicy>();
  for (const rule of rules) for (const port of rule.ports ?? []) table.set(port, compile(fallback, port));
  for (const entry of ports) if (entry.port !== undefined) table.set(entry.port, compile(entry, entry.port));
  const others = compile(fallback, undefined);
  return (port) => table.get(port) ?? others;
}

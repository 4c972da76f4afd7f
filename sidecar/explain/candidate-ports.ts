import type { InboundPort, ProxyConfig } from '../../api/proxy-config.ts';
import { compilePortPolicies, type PortPolicies, type PortPolicy } from '../inbound/port-policy.ts';
import { TokenAuthenticators } from '../layers/jwt-authenticators.ts';
import { RateLimiters } from '../layers/rate-limiters.ts';

/** Any: nothing is kept that an adversary chose, and it lives for one replay. */
const SEED = 1;

/**
 * What a candidate says to each port, compiled when it is first asked for: rules may name more ports than requests
 * came to. Throws when what is for all ports cannot be enforced; so does what it returns, of the port.
 */
export function candidatePorts(config: ProxyConfig): PortPolicies {
  const authenticators = new TokenAuthenticators(config, undefined);
  const limiters = new RateLimiters(config, undefined, SEED);
  const compile = (port: number | undefined): PortPolicy =>
    compilePortPolicies(forPort(config, port), authenticators, limiters)(0);
  const others = compile(undefined);
  const isSpecial = portsNamed(config);
  const known = new Map<number, PortPolicy>();
  return (port) => {
    if (!isSpecial.has(port)) return others;
    const policy = known.get(port) ?? compile(port);
    known.set(port, policy);
    return policy;
  };
}

function portsNamed({ inbound: { ports, rules } }: ProxyConfig): ReadonlySet<number> {
  return new Set([...ports.flatMap(({ port }) => port ?? []), ...rules.flatMap((rule) => rule.ports ?? [])]);
}

/** As if there were no other port. */
function forPort(config: ProxyConfig, port: number | undefined): ProxyConfig {
  const { ports, rules } = config.inbound;
  const fallback = ports.filter((entry) => entry.port === undefined);
  const own = port === undefined ? [] : ports.filter((entry) => entry.port === port);
  const applying = rules.filter((rule) => rule.ports === undefined || rule.ports.includes(port ?? -1));
  return {
    ...config,
    inbound: {
      ...config.inbound,
      ports: (own.length > 0 ? own : fallback).map(({ port: _, ...entry }): InboundPort => entry),
      rules: applying.map(({ ports: _, ...rule }) => rule),
    },
  };
}

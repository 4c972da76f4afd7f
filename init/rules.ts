import type { Family } from './address.ts';
import type { RuleOptions } from './options.ts';

/** Every chain with this prefix is ours. */
export const CHAIN_PREFIX = 'WEFT_';
export const CHAIN_INBOUND = 'WEFT_INBOUND';
export const CHAIN_OUTBOUND = 'WEFT_OUTBOUND';
export const CHAINS = [CHAIN_INBOUND, CHAIN_OUTBOUND] as const;

/** A multiport match holds no more than this (iptables-extensions(8), multiport). */
const MULTIPORT_MAX = 15;

/**
 * The rules of the nat table, one a line and in the spelling of iptables-save, for one family. UDP is not
 * touched. Only the first packet of a connection meets these rules; answers follow conntrack.
 */
export function natRules(options: RuleOptions, family: Family): string[] {
  return [
    `-A PREROUTING -p tcp -j ${CHAIN_INBOUND}`,
    `-A OUTPUT -p tcp -j ${CHAIN_OUTBOUND}`,
    ...inboundRules(options),
    ...outboundRules(options, family),
  ];
}

/** What comes from other machines; and, from outboundRules, the pod calling itself through its Service. */
function inboundRules(options: RuleOptions): string[] {
  return [
    // Weft's own ports speak for themselves; sent to 15006 they would be refused.
    ...skipPorts(CHAIN_INBOUND, options.reservedPorts),
    ...skipPorts(CHAIN_INBOUND, options.skipInboundPorts),
    `-A ${CHAIN_INBOUND} -p tcp -j REDIRECT --to-ports ${options.inboundPort}`,
  ];
}

function outboundRules(options: RuleOptions, family: Family): string[] {
  const { source, loopback } =
    family === 'IPv4'
      ? { source: `${options.sourceV4}/32`, loopback: '127.0.0.1/32' }
      : { source: `${options.sourceV6}/128`, loopback: '::1/128' };
  const owner = `-m owner --uid-owner ${options.proxyUid}`;
  return [
    // The inbound proxy dials its app from this source: any other answer would be a loop. The source counts
    // only together with the uid, because an app may bind it too.
    `-A ${CHAIN_OUTBOUND} -s ${source} -o lo ${owner} -j RETURN`,
    // The pod called itself through its own Service: the outbound proxy dials the pod's own address, which
    // goes over lo, and must come in through mTLS and authorization like any other call. What the inbound
    // chain leaves alone comes back here and falls to the next rule.
    `-A ${CHAIN_OUTBOUND} ! -d ${loopback} -o lo ${owner} -j ${CHAIN_INBOUND}`,
    // What the proxy sends elsewhere is on its way.
    `-A ${CHAIN_OUTBOUND} ${owner} -j RETURN`,
    // Containers of the pod among themselves, on loopback or on the pod's own address.
    `-A ${CHAIN_OUTBOUND} -o lo -j RETURN`,
    ...skipPorts(CHAIN_OUTBOUND, options.skipOutboundPorts),
    ...skipCidrs(options, family),
    `-A ${CHAIN_OUTBOUND} -p tcp -j REDIRECT --to-ports ${options.outboundPort}`,
  ];
}

function skipPorts(chain: string, ports: readonly number[]): string[] {
  const rules: string[] = [];
  for (let from = 0; from < ports.length; from += MULTIPORT_MAX) {
    const some = ports.slice(from, from + MULTIPORT_MAX).join(',');
    rules.push(`-A ${chain} -p tcp -m multiport --dports ${some} -j RETURN`);
  }
  return rules;
}

function skipCidrs(options: RuleOptions, family: Family): string[] {
  return options.skipOutboundCidrs
    .filter((cidr) => cidr.family === family)
    .map((cidr) => `-A ${CHAIN_OUTBOUND} -d ${cidr.text} -j RETURN`);
}

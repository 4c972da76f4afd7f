import { ENV } from '../api/environment.ts';
import { INBOUND_SOURCE_IPV4, INBOUND_SOURCE_IPV6, PORTS, PROXY_UID, RESERVED_PORTS } from '../api/names.ts';
import { type Cidr, parseCidr } from './address.ts';

/** What the rules are made from. Ports are TCP, 1 to 65535, sorted, without duplicates. */
export interface RuleOptions {
  readonly inboundPort: number;
  readonly outboundPort: number;
  readonly proxyUid: number;
  /** the source from which the proxy dials its own app, by family */
  readonly sourceV4: string;
  readonly sourceV6: string;
  /** Weft's own: never redirected inbound */
  readonly reservedPorts: readonly number[];
  readonly skipInboundPorts: readonly number[];
  readonly skipOutboundPorts: readonly number[];
  readonly skipOutboundCidrs: readonly Cidr[];
}

export type BackendName = 'nft' | 'legacy';
export interface InitOptions {
  readonly rules: RuleOptions;
  /** undefined: whichever is in use already, else whichever works, nft first */
  readonly backend: BackendName | undefined;
}

export const ENV_BACKEND = 'WEFT_IPTABLES_BACKEND';
/** Entries in one list; more is a mistake and would only slow every new connection down. */
const LIST_MAX = 100;

export class OptionError extends Error {
  override readonly name = 'OptionError';
}

/** Throws OptionError that says which variable is wrong and what to write instead. */
export function readOptions(env: Readonly<Record<string, string | undefined>>): InitOptions {
  return {
    rules: {
      inboundPort: PORTS.inbound,
      outboundPort: PORTS.outbound,
      proxyUid: PROXY_UID,
      sourceV4: INBOUND_SOURCE_IPV4,
      sourceV6: INBOUND_SOURCE_IPV6,
      reservedPorts: sortedPorts(RESERVED_PORTS),
      skipInboundPorts: readPorts(env, ENV.skipInboundPorts),
      skipOutboundPorts: readPorts(env, ENV.skipOutboundPorts),
      skipOutboundCidrs: readCidrs(env, ENV.skipOutboundCidrs),
    },
    backend: readBackend(env),
  };
}

function readPorts(env: Readonly<Record<string, string | undefined>>, name: string): number[] {
  return sortedPorts(
    readList(env, name).map((entry) => {
      if (/^[1-9]\d{0,4}$/.test(entry) && Number(entry) <= 65535) return Number(entry);
      throw new OptionError(
        `${name}: ${JSON.stringify(entry)} is not a port; write numbers from 1 to 65535, as in 3306,9092`,
      );
    }),
  );
}

function readCidrs(env: Readonly<Record<string, string | undefined>>, name: string): Cidr[] {
  const cidrs = readList(env, name).map((entry) => {
    const cidr = parseCidr(entry);
    if (cidr !== undefined) return cidr;
    throw new OptionError(
      `${name}: ${JSON.stringify(entry)} is not an address range; write as in 10.0.0.0/8,2001:db8::/32`,
    );
  });
  return [...new Map(cidrs.map((cidr) => [cidr.text, cidr])).values()];
}

function readList(env: Readonly<Record<string, string | undefined>>, name: string): string[] {
  const value = env[name]?.trim() ?? '';
  if (value === '') return [];
  const entries = value.split(',').map((entry) => entry.trim());
  if (entries.length > LIST_MAX) throw new OptionError(`${name}: at most ${LIST_MAX} entries`);
  return entries;
}

function readBackend(env: Readonly<Record<string, string | undefined>>): BackendName | undefined {
  const value = env[ENV_BACKEND] ?? '';
  if (value === 'nft' || value === 'legacy') return value;
  if (value === '' || value === 'auto') return undefined;
  throw new OptionError(`${ENV_BACKEND}: ${JSON.stringify(value)} is not nft, legacy or auto`);
}

function sortedPorts(ports: readonly number[]): number[] {
  return [...new Set(ports)].sort((a, b) => a - b);
}

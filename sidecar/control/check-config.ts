import type { ProxyConfig } from '../../api/proxy-config.ts';
import { parseSpiffeId, spiffeId } from '../../api/spiffe.ts';
import { validateProxyConfig } from '../../api/validate-proxy-config.ts';
import { messageOf } from '../log.ts';
import type { Identity } from '../proxy-state.ts';
import { parseReachable } from '../settings.ts';

export class InvalidConfig extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'InvalidConfig';
  }
}

const PROBLEMS_SHOWN = 3;

/** Throws InvalidConfig unless the value is a configuration for this proxy. */
export function checkConfig(value: unknown, proxyId: string): ProxyConfig {
  const problems = validateProxyConfig(value);
  if (problems.length > 0) throw new InvalidConfig(`the configuration is not valid: ${list(problems)}`);
  const config = value as ProxyConfig;
  if (config.proxyId !== proxyId) {
    throw new InvalidConfig(`the configuration is for proxy ${config.proxyId}, this is ${proxyId}`);
  }
  checkControlPlane(config.controlPlane);
  return config;
}

function checkControlPlane({ address, spiffeId }: ProxyConfig['controlPlane']): void {
  if (parseSpiffeId(spiffeId) === undefined) throw new InvalidConfig('controlPlane.spiffeId is no SPIFFE ID');
  try {
    parseReachable(address);
  } catch (error) {
    throw new InvalidConfig(`controlPlane.address: ${messageOf(error)}`);
  }
}

/** Throws InvalidConfig unless the certificate is of the workload that the configuration names. */
export function checkBelongTogether(config: ProxyConfig, identity: Identity): void {
  const { namespace, serviceAccount } = config.workload;
  const expected = spiffeId({ trustDomain: config.trustDomain, namespace, serviceAccount });
  if (identity.spiffeId !== expected) {
    throw new InvalidConfig(`the certificate says ${identity.spiffeId}, the configuration ${expected}`);
  }
}

export function list(problems: readonly { readonly path: string; readonly message: string }[]): string {
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ path, message }) => `${path || '/'} ${message}`);
  const more = problems.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

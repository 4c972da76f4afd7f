import type { ProxyConfig } from '../api/proxy-config.ts';

/** Workloads that are Strict, or may reach only what is listed, send nothing to what they do not know. */
export function isGuarded({ inbound, egress }: Pick<ProxyConfig, 'inbound' | 'egress'>): boolean {
  const fallback = inbound.ports.find(({ port }) => port === undefined);
  return fallback?.mtls === 'Strict' || egress?.mode === 'AllowListed';
}

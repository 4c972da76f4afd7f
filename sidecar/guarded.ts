import type { ProxyConfig } from '../api/proxy-config.ts';

/** Workloads that are Strict, or may reach only what is listed, send nothing to what they do not know. */
export function isGuarded({ inbound, egress }: Pick<ProxyConfig, 'inbound' | 'egress'>): boolean {
  const fallback = inbound.ports.find(({ port }) => port === undefined);
  return fallback?.mtls === 'Strict' || egress?.mode === 'AllowListed';
}

/** While an app waits that would go on without the mesh, and one that would not. */
const PATIENCE_MS = 1_000;
const GUARDED_PATIENCE_MS = 5_000;

/** How long a first call waits for the control plane. @param config undefined: there is none yet */
export function patienceMs(config: Pick<ProxyConfig, 'inbound' | 'egress'> | undefined): number {
  return config !== undefined && isGuarded(config) ? GUARDED_PATIENCE_MS : PATIENCE_MS;
}

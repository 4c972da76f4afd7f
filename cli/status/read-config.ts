import type { SidecarConfig } from './proxy-view.ts';

/** `GET /config` as a sidecar answered, as far as it is looked at. Throws unless it has its shape. */
export function readConfig(answer: unknown): SidecarConfig {
  if (!isSidecarConfig(answer)) throw new Error('the sidecar answered with something else than its state');
  return answer;
}

function isSidecarConfig(answer: unknown): answer is SidecarConfig {
  if (!isObject(answer)) return false;
  const { ready, reasons, stream, identity, config } = answer;
  return (
    typeof ready === 'boolean' &&
    Array.isArray(reasons) &&
    reasons.every((reason) => typeof reason === 'string') &&
    (stream === 'up' || stream === 'down') &&
    (identity === undefined || (isObject(identity) && isDate(identity.notAfter))) &&
    (config === undefined || (isObject(config) && isVersion(config.version)))
  );
}

function isVersion(value: unknown): boolean {
  if (!isObject(value) || typeof value.hash !== 'string' || !isObject(value.policies)) return false;
  return Object.values(value.policies).every((generation) => typeof generation === 'number');
}

function isDate(value: unknown): boolean {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

import type { HeldIdentity } from './certs-view.ts';

/**
 * What `GET /config` of a sidecar says of its certificate; undefined: it has none. Throws for anything else, and
 * for a sidecar that is too old to say what it trusts.
 */
export function readIdentity(answer: unknown): HeldIdentity | undefined {
  if (!isObject(answer)) throw new Error('the sidecar answered with something else than its state');
  const { identity } = answer;
  if (identity === undefined) return undefined;
  if (!isObject(identity)) throw new Error('the sidecar answered with something else than its state');
  const { spiffeId, notBefore, notAfter, signer, roots } = identity;
  const isHeld =
    typeof spiffeId === 'string' &&
    isDate(notBefore) &&
    isDate(notAfter) &&
    (signer === undefined || typeof signer === 'string') &&
    Array.isArray(roots) &&
    roots.every((root) => typeof root === 'string');
  if (!isHeld) throw new Error('the sidecar does not say what it trusts: its version is older than this one');
  return { spiffeId, notBefore, notAfter, roots, ...(signer !== undefined && { signer }) };
}

function isDate(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import type { X509Certificate } from 'node:crypto';

const JITTER = 0.1;

/**
 * When to renew: at half of the lifetime, a tenth of the lifetime earlier or later, so that pods that started
 * together do not renew together.
 * @param random uniform in [0, 1)
 */
export function renewAtMs(validity: Validity, random: () => number): number {
  const lifetimeMs = validity.notAfterMs - validity.notBeforeMs;
  const shift = (random() * 2 - 1) * JITTER;
  return validity.notBeforeMs + lifetimeMs * (0.5 + shift);
}

/**
 * When a replica that does not lead renews for a sidecar it serves: later than the leader would have, so that
 * there is usually a new certificate to fetch, and early enough when there is no leader.
 */
export function renewLateAtMs(validity: Validity, random: () => number): number {
  return validity.notBeforeMs + (validity.notAfterMs - validity.notBeforeMs) * (0.65 + random() * JITTER);
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export function validityOf(certificate: X509Certificate): Validity {
  return { notBeforeMs: certificate.validFromDate.getTime(), notAfterMs: certificate.validToDate.getTime() };
}

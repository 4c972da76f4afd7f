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

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export function validityOf(certificate: X509Certificate): Validity {
  return { notBeforeMs: certificate.validFromDate.getTime(), notAfterMs: certificate.validToDate.getTime() };
}

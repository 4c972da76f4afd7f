import { X509Certificate } from 'node:crypto';
import { TRUST_BUNDLE_SERIAL } from '../../api/stream.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/**
 * All roots as one text. The first line numbers it, so that whoever holds one knows an older one when it comes by
 * a slower way, as a mounted Secret does; readers of PEM skip what stands outside the blocks (RFC 7468 section 2).
 * @param serial undefined: of an authority whose state was never written
 */
export function trustBundleOf(serial: number | undefined, roots: readonly string[]): string {
  const header = serial === undefined ? '' : `${TRUST_BUNDLE_SERIAL}${serial}\n`;
  return header + roots.map((root) => `${root.trim()}\n`).join('');
}

/** PEM blocks of a text, in their order. */
export function certificatesIn(text: string): string[] {
  return (text.match(CERTIFICATE) ?? []).map((block) => `${block}\n`);
}

/** SHA-256 of the DER, as api/stream.ts names roots. Throws for what is no certificate. */
export function fingerprintOf(certificate: string): string {
  return new X509Certificate(certificate).fingerprint256.replaceAll(':', '').toLowerCase();
}

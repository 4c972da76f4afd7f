import { X509Certificate } from 'node:crypto';
import { ROOTS_MAX, TRUST_BUNDLE_SERIAL } from '../../api/stream.ts';
import type { Identity } from '../proxy-state.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** Of two bundles the one with the higher number is in force. Undefined: it has none. */
export function serialOf(trustBundle: string): number | undefined {
  if (!trustBundle.startsWith(TRUST_BUNDLE_SERIAL)) return undefined;
  const digits = /^[0-9]{1,16}(?=\s)/.exec(trustBundle.slice(TRUST_BUNDLE_SERIAL.length))?.[0];
  return digits === undefined ? undefined : Number(digits);
}

/** Both are numbered, and this one lower. */
export function isOlderBundle(trustBundle: string, than: string | undefined): boolean {
  const serial = serialOf(trustBundle);
  const other = than === undefined ? undefined : serialOf(than);
  return serial !== undefined && other !== undefined && serial < other;
}

/** Fingerprints as api/stream.ts has them; of a bundle that was checked. */
export function rootsOf(trustBundle: string): string[] {
  const blocks = trustBundle.match(CERTIFICATE) ?? [];
  return blocks.slice(0, ROOTS_MAX).map((block) => fingerprintOf(new X509Certificate(block)));
}

/** Whether every root of the one is in the other. */
export function isWithin(trustBundle: string, wider: string): boolean {
  if (trustBundle === wider) return true;
  const roots = new Set(rootsOf(wider));
  return rootsOf(trustBundle).every((root) => roots.has(root));
}

/** The root of the bundle that signed the leaf itself; undefined: none, there is a certificate between. */
function signerOf(certificate: string, trustBundle: string): string | undefined {
  const leaf = new X509Certificate(certificate);
  for (const block of trustBundle.match(CERTIFICATE) ?? []) {
    const root = new X509Certificate(block);
    if (leaf.checkIssued(root) && leaf.verify(root.publicKey)) return fingerprintOf(root);
  }
  return undefined;
}

/** For people: dates, the root that signed, the roots that are trusted. */
export function describeCertificate({
  certificate,
  trustBundle,
}: Pick<Identity, 'certificate' | 'trustBundle'>) {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  return {
    notBefore: validFromDate.toISOString(),
    notAfter: validToDate.toISOString(),
    signer: signerOf(certificate, trustBundle),
    roots: rootsOf(trustBundle),
  };
}

function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

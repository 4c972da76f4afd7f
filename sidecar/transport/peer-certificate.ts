import { X509Certificate } from 'node:crypto';
import { parseSpiffeId, type WorkloadIdentity } from '../../api/spiffe.ts';

/** id-kp-serverAuth and id-kp-clientAuth (RFC 5280 4.2.1.12). */
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

export type PeerVerdict =
  | { readonly ok: true; readonly spiffeId: string; readonly identity: WorkloadIdentity }
  | { readonly ok: false; readonly reason: string };

/**
 * What a leaf says about its holder, once the chain has been verified: not a CA, the extended key usage of
 * its role, and exactly one URI SAN, which is a SPIFFE ID of a workload (X509-SVID sections 2 and 5.2). The
 * subject is never looked at.
 */
export function readPeer(certificate: X509Certificate, usage: string): PeerVerdict {
  if (certificate.ca) return refuse('a CA certificate is no identity');
  // an absent extension would mean any usage; ours always have it
  if (!(certificate.keyUsage ?? []).includes(usage)) return refuse('wrong extended key usage');
  const uris = uriNames(certificate.subjectAltName ?? '');
  if (uris.length !== 1) return refuse(`${uris.length} URI names instead of one`);
  const spiffeId = uris[0]!;
  const identity = parseSpiffeId(spiffeId);
  return identity === undefined
    ? refuse('the URI name is not a SPIFFE ID of a workload')
    : { ok: true, spiffeId, identity };
}

/**
 * URI entries of the text form of subjectAltName. Values with a comma or quote in them are written as JSON
 * strings (CVE-2021-44532), so an entry cannot pretend to be two.
 */
export function uriNames(subjectAltName: string): string[] {
  const entries = subjectAltName.match(/[^,:\s][^:,]*:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return entries.filter((entry) => entry.startsWith('URI:')).map((entry) => entry.slice('URI:'.length));
}

/** For a session that is resumed: the handshake that checked the dates may have been hours ago. */
export function hasExpired(certificate: X509Certificate, nowMs = Date.now()): boolean {
  return nowMs > Date.parse(certificate.validTo);
}

export function parseCertificate(der: Buffer): X509Certificate {
  return new X509Certificate(der);
}

function refuse(reason: string): PeerVerdict {
  return { ok: false, reason };
}

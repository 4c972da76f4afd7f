import 'reflect-metadata';
import type { X509Certificate as NodeCertificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { parseSpiffeId, type WorkloadIdentity } from '../../api/spiffe.ts';

/** id-kp-clientAuth (RFC 5280 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** Who a certificate names. Whether it chains to a trusted root is TLS's to say, not this function's. */
export interface PeerIdentity extends WorkloadIdentity {
  readonly spiffeId: string;
  readonly dnsNames: readonly string[];
}

/**
 * Reads a leaf: exactly one URI SAN, which is a SPIFFE ID of this trust domain; for clients; not a CA. The subject
 * is never looked at. Returns a text that says what is wrong otherwise.
 * Source: SPIFFE X509-SVID section 2 (exactly one URI SAN), 4.1 (leaves are no CAs), 4.4 (extended key usage).
 */
export function readPeer(
  certificate: NodeCertificate,
  trustDomain: string,
  nowMs: number,
): PeerIdentity | string {
  if (certificate.ca) return 'the certificate is a CA certificate';
  if (nowMs > certificate.validToDate.getTime()) return 'the certificate has expired';
  // TLS takes a leaf without the extension for any use; ours always have it
  if (!certificate.keyUsage?.includes(CLIENT_AUTH)) return 'the certificate is not for TLS clients';
  const { uris, dnsNames } = alternativeNames(certificate);
  if (uris.length !== 1) return `the certificate has ${uris.length} URI names, not one`;
  const identity = parseSpiffeId(uris[0]!);
  if (identity === undefined) return 'the URI name of the certificate is no SPIFFE ID of a workload';
  if (identity.trustDomain !== trustDomain) return 'the certificate is of another trust domain';
  return { ...identity, spiffeId: uris[0]!, dnsNames };
}

/** From the DER: Node's text form of the extension needs unquoting, which has gone wrong before (CVE-2021-44532). */
export function alternativeNames(certificate: NodeCertificate): { uris: string[]; dnsNames: string[] } {
  const parsed = new x509.X509Certificate(certificate.raw);
  const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const values = (type: string) => names.filter((name) => name.type === type).map((name) => name.value);
  return { uris: values('url'), dnsNames: values('dns') };
}

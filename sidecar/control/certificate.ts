import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { parseSpiffeId } from '../../api/spiffe.ts';
import type { Identity } from '../proxy-state.ts';

/** PEM texts of an identity, from a Secret, the stream or the snapshot. */
export interface IdentityTexts {
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
}

export class InvalidIdentity extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'InvalidIdentity';
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const CHAIN_MAX = 8;
const BUNDLE_MAX = 64;

/**
 * Checks that the texts are one usable identity at `nowMs` and reads the leaf. Throws InvalidIdentity with a
 * reason that holds nothing of the key.
 */
export function readIdentity(texts: IdentityTexts, nowMs: number): Identity {
  const chain = parseCertificates(texts.certificate, 'the certificate', CHAIN_MAX);
  const bundle = parseCertificates(texts.trustBundle, 'the trust bundle', BUNDLE_MAX);
  const leaf = chain[0]!;
  if (!leaf.checkPrivateKey(parseKey(texts.privateKey))) {
    throw new InvalidIdentity('the private key does not belong to the certificate');
  }
  if (leaf.ca) throw new InvalidIdentity('the certificate is one of a certificate authority');
  checkPeriod(leaf, nowMs);
  if (!chainsTo(chain, bundle, nowMs)) {
    throw new InvalidIdentity('the certificate does not chain to the trust bundle');
  }
  const spiffeId = spiffeIdOf(leaf);
  if (spiffeId === undefined) throw new InvalidIdentity('the certificate has not exactly one SPIFFE ID');
  return {
    certificate: texts.certificate,
    privateKey: texts.privateKey,
    trustBundle: texts.trustBundle,
    spiffeId,
    trustDomain: parseSpiffeId(spiffeId)!.trustDomain,
    notAfterMs: leaf.validToDate.getTime(),
  };
}

/**
 * The one SPIFFE ID of a certificate; undefined when it has none, more than one URI SAN, or names so odd that
 * Node quotes them (a quoted name could pretend to be several).
 * Source: X509-SVID section 2, https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md
 */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  const names = certificate.subjectAltName ?? '';
  if (names.includes('"')) return undefined;
  const uris = names.split(', ').filter((name) => name.startsWith('URI:'));
  const uri = uris[0]?.slice('URI:'.length);
  if (uris.length !== 1 || uri === undefined || parseSpiffeId(uri) === undefined) return undefined;
  return uri;
}

/** Why this is not the control plane; undefined when it is. Its chain has been verified before. */
export function refuseControlPlane(certificate: X509Certificate, expectedId: string): string | undefined {
  const id = spiffeIdOf(certificate);
  if (id === undefined) return 'its certificate has not exactly one SPIFFE ID';
  if (id !== expectedId) return `its certificate says ${id}, not ${expectedId}`;
  return undefined;
}

function parseCertificates(text: string, what: string, max: number): X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new InvalidIdentity(`${what} is not PEM`);
  if (blocks.length > max) throw new InvalidIdentity(`${what} has more than ${max} certificates`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw new InvalidIdentity(`${what} cannot be parsed`);
  }
}

function parseKey(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    throw new InvalidIdentity('the private key cannot be parsed');
  }
}

function checkPeriod(leaf: X509Certificate, nowMs: number): void {
  if (nowMs >= leaf.validToDate.getTime()) {
    throw new InvalidIdentity(`the certificate expired at ${leaf.validToDate.toISOString()}`);
  }
  if (nowMs < leaf.validFromDate.getTime()) {
    throw new InvalidIdentity(`the certificate is valid only from ${leaf.validFromDate.toISOString()}`);
  }
}

/** Walks up from the leaf, over the intermediates it came with, until an issuer is in the bundle. */
function chainsTo(
  chain: readonly X509Certificate[],
  bundle: readonly X509Certificate[],
  nowMs: number,
): boolean {
  let child = chain[0]!;
  for (let depth = 0; depth < CHAIN_MAX; depth++) {
    if (bundle.some((root) => issued(root, child, nowMs))) return true;
    const intermediate = chain.slice(1).find((issuer) => issuer !== child && issued(issuer, child, nowMs));
    if (intermediate === undefined) return false;
    child = intermediate;
  }
  return false;
}

function issued(issuer: X509Certificate, child: X509Certificate, nowMs: number): boolean {
  return (
    issuer.ca &&
    issuer.validFromDate.getTime() <= nowMs &&
    nowMs < issuer.validToDate.getTime() &&
    child.checkIssued(issuer) &&
    child.verify(issuer.publicKey)
  );
}

import 'reflect-metadata';
import { createPrivateKey, X509Certificate as NodeCertificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { LeafRequest } from './authority.ts';
import { IssuerError } from './issuer-error.ts';
import { skewMs } from './rotation.ts';
import { certificatesIn } from './trust-bundle.ts';

/** As an issuer gives it. */
export interface SignedAnswer {
  /** PEM: the leaf first */
  readonly certificate: string;
  /** PEM of what is to be trusted for it; empty: the issuer does not say */
  readonly ca: string;
}
/** A leaf that is what was asked for. */
export interface CheckedLeaf {
  /** PEM, one block */
  readonly certificate: string;
  /** PEM: signed itself, and the leaf */
  readonly root: string;
}
export interface Asked {
  /** PEM */
  readonly privateKey: string;
  readonly request: LeafRequest;
  readonly lifetimeMs: number;
}

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
/** A chain and its roots; more is not read. */
const BLOCKS_MAX = 16;

/**
 * An issuer is trusted to sign, not to be right: a certificate of another key, with a name more or less, for longer
 * than asked, or of a root that nobody could follow is refused. Throws IssuerError, `BadAnswer`.
 * @param trusted PEM of roots that may have signed it, where the answer names none
 */
export function checkAnswer(
  answer: SignedAnswer,
  asked: Asked,
  trusted: readonly string[],
  nowMs: number,
): CheckedLeaf {
  const [certificate] = certificatesIn(answer.certificate);
  if (certificate === undefined) refuse('it holds no certificate in PEM');
  const leaf = parse(certificate);
  checkKey(leaf, asked);
  checkNames(certificate, asked.request);
  checkUse(leaf);
  checkDates(leaf, asked.lifetimeMs, nowMs);
  const named = certificatesIn(answer.ca).slice(0, BLOCKS_MAX);
  return { certificate, root: rootOf(leaf, named.length === 0 ? trusted : named, named.length > 0, nowMs) };
}

function checkKey(leaf: NodeCertificate, { privateKey }: Asked): void {
  if (!leaf.checkPrivateKey(createPrivateKey(privateKey))) {
    refuse('it is for another key than the one of the request');
  }
}

function checkNames(certificate: string, { spiffeId, dnsNames }: LeafRequest): void {
  const parsed = new x509.X509Certificate(certificate);
  const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const given = names.map(({ type, value }) => `${type} ${value}`).sort();
  const wanted = [
    ...(spiffeId === undefined ? [] : [`url ${spiffeId}`]),
    ...dnsNames.map((name) => `dns ${name}`),
  ].sort();
  if (given.join('\n') !== wanted.join('\n')) refuse('its names are others than those of the request');
}

function checkUse(leaf: NodeCertificate): void {
  if (leaf.ca) refuse('it is a CA certificate');
  for (const usage of [SERVER_AUTH, CLIENT_AUTH]) {
    if (!leaf.keyUsage?.includes(usage)) refuse('it is not for both TLS servers and TLS clients');
  }
}

function checkDates(leaf: NodeCertificate, lifetimeMs: number, nowMs: number): void {
  const endMs = leaf.validToDate.getTime();
  if (endMs <= nowMs) refuse('it has already ended');
  if (endMs > nowMs + lifetimeMs + skewMs(lifetimeMs)) refuse('it lives longer than was asked for');
  if (leaf.validFromDate.getTime() > nowMs + skewMs(lifetimeMs)) refuse('it is not valid yet');
}

function rootOf(
  leaf: NodeCertificate,
  candidates: readonly string[],
  isNamed: boolean,
  nowMs: number,
): string {
  const roots = candidates.filter((each) => isRoot(parse(each)));
  const root = roots.find((each) => isSignedBy(leaf, parse(each)));
  if (root !== undefined && parse(root).validToDate.getTime() <= nowMs) refuse('its root has ended');
  if (root !== undefined) return root;
  if (!isNamed) refuse('the issuer names no CA (status.ca is empty), and no root that is trusted signed it');
  if (roots.length === 0)
    refuse('the CA that the issuer names (status.ca) is no root: it did not sign itself');
  return refuse(
    'the root that the issuer names (status.ca) has not signed it: intermediates are not followed',
  );
}

function isRoot(certificate: NodeCertificate): boolean {
  return certificate.ca && isSignedBy(certificate, certificate);
}

export function isSignedBy(certificate: NodeCertificate, issuer: NodeCertificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function parse(certificate: string): NodeCertificate {
  try {
    return new NodeCertificate(certificate);
  } catch {
    return refuse('a certificate of it cannot be read');
  }
}

function refuse(why: string): never {
  throw new IssuerError('BadAnswer', `the certificate that the issuer gave is refused: ${why}`);
}

import 'reflect-metadata';
import { createPrivateKey, X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { RootMaterial } from '../platform.ts';

/** The built-in certificate authority: one P-256 root that signs leaves directly. Nothing here is logged. */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;
const ROOT_LIFETIME_MS = 3650 * DAY_MS;
export const DEFAULT_LEAF_LIFETIME_MS = DAY_MS;
/** Clocks of nodes differ; a leaf is valid a little before it is issued. */
export const BACKDATE_MS = 5 * 60 * 1000;
const PEM_PRIVATE_KEY = 'PRIVATE KEY';

export interface LeafRequest {
  readonly spiffeId: string | undefined;
  /** the proxy id alone; for the operator's own leaf the names of its Service */
  readonly dnsNames: readonly string[];
}
/** PEM. */
export interface Leaf {
  readonly certificate: string;
  readonly privateKey: string;
}

export async function createRoot(trustDomain: string, nowMs: number): Promise<RootMaterial> {
  const keys = await generateKeys();
  const created = new Date(nowMs).toISOString().slice(0, 10);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ O: ['Weft'] }, { CN: [`Weft root of ${trustDomain}, ${created}`.slice(0, 64)] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + ROOT_LIFETIME_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, privateKey: await exportKey(keys.privateKey) };
}

export class Authority {
  /** PEM of all roots that sidecars are to trust */
  readonly trustBundle: string;
  readonly leafLifetimeMs: number;
  readonly #root: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  /** Throws when key and certificate do not belong together, or the certificate is no CA. */
  static async load(root: RootMaterial, leafLifetimeMs = DEFAULT_LEAF_LIFETIME_MS): Promise<Authority> {
    const parsed = new NodeCertificate(root.certificate);
    const key = await importKey(root.privateKey);
    if (!parsed.ca) throw new Error('the root certificate is not a CA certificate');
    if (!parsed.checkPrivateKey(createPrivateKey(root.privateKey))) {
      throw new Error('the private key does not belong to the root certificate');
    }
    return new Authority(root, key, leafLifetimeMs);
  }

  private constructor(root: RootMaterial, key: webcrypto.CryptoKey, leafLifetimeMs: number) {
    this.trustBundle = root.certificate;
    this.leafLifetimeMs = leafLifetimeMs;
    this.#root = new x509.X509Certificate(root.certificate);
    this.#key = key;
  }

  async issue(request: LeafRequest, nowMs: number): Promise<Leaf> {
    const keys = await generateKeys();
    return {
      certificate: await this.#sign(keys, request, nowMs),
      privateKey: await exportKey(keys.privateKey),
    };
  }

  /** Whether this authority's root signed it; says nothing of its dates. */
  signed(certificate: NodeCertificate): boolean {
    return certificate.verify(new NodeCertificate(this.trustBundle).publicKey);
  }

  ownsKey(certificate: NodeCertificate, privateKey: string): boolean {
    return certificate.checkPrivateKey(createPrivateKey(privateKey));
  }

  /** A server's leaf without identity in the mesh, for those who know it by name: the API server. */
  issueServer(dnsNames: readonly string[], nowMs: number): Promise<Leaf> {
    return this.issue({ spiffeId: undefined, dnsNames }, nowMs);
  }

  async #sign(keys: webcrypto.CryptoKeyPair, request: LeafRequest, nowMs: number): Promise<string> {
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ O: ['Weft workload'] }],
      issuer: this.#root.subjectName,
      notBefore: new Date(nowMs - BACKDATE_MS),
      notAfter: new Date(Math.min(nowMs + this.leafLifetimeMs, this.#root.notAfter.getTime())),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      signingAlgorithm: ALGORITHM,
      extensions: await leafExtensions(this.#root, keys.publicKey, request),
    });
    return `${certificate.toString('pem')}\n`;
  }
}

/** Sources: RFC 5280 section 4.2; SPIFFE X509-SVID sections 2 and 4. */
async function leafExtensions(
  root: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
  { spiffeId, dnsNames }: LeafRequest,
): Promise<x509.Extension[]> {
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  const names = dnsNames.map((value) => ({ type: 'dns', value }) as const);
  const uris = spiffeId === undefined ? [] : [{ type: 'url', value: spiffeId } as const];
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
    new x509.SubjectAlternativeNameExtension([...uris, ...names]),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
  ];
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, PEM_PRIVATE_KEY)}\n`;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);
}

/** 128 random bits; positive and without a leading zero byte (RFC 5280 section 4.1.2.2: at most 20 octets). */
function serialNumber(): string {
  return `01${randomBytes(16).toString('hex')}`;
}

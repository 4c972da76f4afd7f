import 'reflect-metadata';
import { createPrivateKey, X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { RootMaterial } from '../platform.ts';
import { type CaState, trustedRoots } from './ca-state.ts';
import { fingerprintOf, trustBundleOf } from './trust-bundle.ts';

/** The built-in certificate authority: one P-256 root that signs leaves directly. Nothing here is logged. */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;
export const DEFAULT_ROOT_LIFETIME_MS = 3650 * DAY_MS;
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

export async function createRoot(
  trustDomain: string,
  nowMs: number,
  lifetimeMs = DEFAULT_ROOT_LIFETIME_MS,
): Promise<RootMaterial> {
  const keys = await generateKeys();
  const created = new Date(nowMs).toISOString().slice(0, 10);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ O: ['Weft'] }, { CN: [`Weft root of ${trustDomain}, ${created}`.slice(0, 64)] }],
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + lifetimeMs),
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

/** What signs now, replaced as a whole. */
interface Signer {
  readonly root: x509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
  readonly trustBundle: string;
  readonly roots: readonly NodeCertificate[];
  readonly fingerprints: readonly string[];
  readonly leafLifetimeMs: number;
  /** leaves end at the latest that long after this, or after the state was seen, whichever is later */
  readonly unchangedUntilMs: number;
}

/**
 * Signs with the root whose turn it is. All replicas sign, each from the state of the rotation as it saw it last
 * (`adopt`, `saw`). One that is cut off from that state and keeps signing would spoil a rotation it does not know
 * of, so what it signs ends within one lifetime of the time up to which it knows that nothing has changed.
 */
export class Authority {
  readonly #configuredLifetimeMs: number;
  readonly #listeners: (() => void)[] = [];
  #signer: Signer;
  #seenMs = Number.POSITIVE_INFINITY;

  /** Throws when key and certificate do not belong together, or the certificate is no CA. */
  static async load(root: RootMaterial, leafLifetimeMs = DEFAULT_LEAF_LIFETIME_MS): Promise<Authority> {
    const key = await loadKey(root);
    const state = { roots: [root.certificate], serial: undefined, unchangedUntilMs: 0, leafLifetimeMs };
    return new Authority(signerOf(key, state), leafLifetimeMs);
  }

  private constructor(signer: Signer, leafLifetimeMs: number) {
    this.#signer = signer;
    this.#configuredLifetimeMs = leafLifetimeMs;
  }

  /** Told when another root signs or other roots are trusted. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** From now on this state counts. Throws, and changes nothing, when it cannot be used. */
  async adopt(state: CaState, seenMs: number): Promise<void> {
    const key = await loadKey(state.issuing);
    // of a rotation that has begun, the next step may come at any time
    const unchangedUntilMs = state.phase === 'Distributing' ? 0 : state.rotateAtMs;
    const leafLifetimeMs = Math.min(this.#configuredLifetimeMs, state.leafLifetimeMs);
    const before = this.#signer;
    const roots = trustedRoots(state);
    this.#signer = signerOf(key, { roots, serial: state.serial, unchangedUntilMs, leafLifetimeMs });
    this.#seenMs = seenMs;
    const isSame = before.trustBundle === this.trustBundle && before.root.equal(this.#signer.root);
    if (!isSame) for (const listener of this.#listeners) listener();
  }

  /** The state that was adopted is still the one that is stored. */
  saw(seenMs: number): void {
    this.#seenMs = seenMs;
  }

  /** PEM of all roots that are to be trusted */
  get trustBundle(): string {
    return this.#signer.trustBundle;
  }
  /** their fingerprints, as api/stream.ts has them */
  get roots(): readonly string[] {
    return this.#signer.fingerprints;
  }
  get leafLifetimeMs(): number {
    return this.#signer.leafLifetimeMs;
  }

  async issue(request: LeafRequest, nowMs: number): Promise<Leaf> {
    const keys = await generateKeys();
    return {
      certificate: await this.#sign(keys, request, nowMs),
      privateKey: await exportKey(keys.privateKey),
    };
  }

  /** Whether one of the roots that are trusted signed it; says nothing of its dates. */
  signed(certificate: NodeCertificate): boolean {
    return this.#signer.roots.some((root) => certificate.verify(root.publicKey));
  }

  ownsKey(certificate: NodeCertificate, privateKey: string): boolean {
    return certificate.checkPrivateKey(createPrivateKey(privateKey));
  }

  /** A server's leaf without identity in the mesh, for those who know it by name: the API server. */
  issueServer(dnsNames: readonly string[], nowMs: number): Promise<Leaf> {
    return this.issue({ spiffeId: undefined, dnsNames }, nowMs);
  }

  async #sign(keys: webcrypto.CryptoKeyPair, request: LeafRequest, nowMs: number): Promise<string> {
    const { root, key, leafLifetimeMs } = this.#signer;
    const notAfterMs = this.#endOfLeaf(nowMs);
    if (notAfterMs <= nowMs) throw new Error('the root has ended, or its state was not seen for too long');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: [{ O: ['Weft workload'] }],
      issuer: root.subjectName,
      notBefore: new Date(nowMs - Math.min(BACKDATE_MS, leafLifetimeMs / 2)),
      notAfter: new Date(notAfterMs),
      publicKey: keys.publicKey,
      signingKey: key,
      signingAlgorithm: ALGORITHM,
      extensions: await leafExtensions(root, keys.publicKey, request),
    });
    return `${certificate.toString('pem')}\n`;
  }

  #endOfLeaf(nowMs: number): number {
    const { root, leafLifetimeMs, unchangedUntilMs } = this.#signer;
    const knownMs = Math.max(this.#seenMs, unchangedUntilMs);
    return Math.min(nowMs + leafLifetimeMs, knownMs + leafLifetimeMs, root.notAfter.getTime());
  }
}

interface Signing {
  /** PEM, the one that signs first */
  readonly roots: readonly string[];
  readonly serial: number | undefined;
  readonly unchangedUntilMs: number;
  readonly leafLifetimeMs: number;
}

function signerOf(key: webcrypto.CryptoKey, signing: Signing): Signer {
  const { roots, serial, unchangedUntilMs, leafLifetimeMs } = signing;
  return {
    root: new x509.X509Certificate(roots[0]!),
    key,
    trustBundle: trustBundleOf(serial, roots),
    roots: roots.map((root) => new NodeCertificate(root)),
    fingerprints: roots.map(fingerprintOf),
    unchangedUntilMs,
    leafLifetimeMs,
  };
}

async function loadKey({ certificate, privateKey }: RootMaterial): Promise<webcrypto.CryptoKey> {
  const parsed = new NodeCertificate(certificate);
  const key = await importKey(privateKey);
  if (!parsed.ca) throw new Error('the root certificate is not a CA certificate');
  if (!parsed.checkPrivateKey(createPrivateKey(privateKey))) {
    throw new Error('the private key does not belong to the root certificate');
  }
  return key;
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

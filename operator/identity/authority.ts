import 'reflect-metadata';
import {
  createPrivateKey,
  X509Certificate as NodeCertificate,
  randomBytes,
  type webcrypto,
} from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { RootMaterial } from '../platform.ts';
import { type CaState, trustedRoots } from './ca-state.ts';
import type { Issuer } from './issuer.ts';
import { IssuerError } from './issuer-error.ts';
import { ALGORITHM, exportKey, generateKeys, importKey } from './leaf-keys.ts';
import { type Signing, whyHeld } from './signing.ts';
import { LEAF_SUBJECT, namesOf } from './signing-request.ts';
import { certificatesIn, fingerprintOf, trustBundleOf } from './trust-bundle.ts';

/**
 * The certificate authority: one P-256 root that signs leaves directly, or an issuer elsewhere with a root whose key
 * is not here. Nothing here is logged.
 */

const DAY_MS = 24 * 3600 * 1000;
export const DEFAULT_ROOT_LIFETIME_MS = 3650 * DAY_MS;
export const DEFAULT_LEAF_LIFETIME_MS = DAY_MS;
/** Clocks of nodes differ; a leaf is valid a little before it is issued. */
export const BACKDATE_MS = 5 * 60 * 1000;

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
interface Signer extends Signing {
  readonly root: x509.X509Certificate;
  /** undefined: an issuer elsewhere has it */
  readonly key: webcrypto.CryptoKey | undefined;
  readonly trustBundle: string;
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
  readonly #issuer: Issuer | undefined;
  readonly #listeners: (() => void)[] = [];
  #signer: Signer;
  #seenMs = Number.POSITIVE_INFINITY;

  /**
   * Throws when key and certificate do not belong together, or the certificate is no CA.
   * @param issuer who signs when the root has no key here
   */
  static async load(
    root: RootMaterial,
    leafLifetimeMs = DEFAULT_LEAF_LIFETIME_MS,
    issuer?: Issuer,
  ): Promise<Authority> {
    const key = await loadKey(root);
    const state = { roots: [root.certificate], serial: undefined, unchangedUntilMs: 0, leafLifetimeMs };
    const limits = { limitMs: leafLifetimeMs, previous: [], retireAtMs: undefined };
    return new Authority(signerOf(key, { ...state, ...limits }), leafLifetimeMs, issuer);
  }

  private constructor(signer: Signer, leafLifetimeMs: number, issuer: Issuer | undefined) {
    this.#signer = signer;
    this.#configuredLifetimeMs = leafLifetimeMs;
    this.#issuer = issuer;
  }

  /** Told when another root signs or other roots are trusted. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** From now on this state counts. Throws, and changes nothing, when it cannot be used. */
  async adopt(state: CaState, seenMs: number): Promise<void> {
    const key = await loadKey(state.issuing);
    // of a rotation that has begun, the next step may come at any time
    // and nobody announces that of an issuer
    const isAnnounced = key !== undefined && this.#issuer === undefined;
    const unchangedUntilMs = state.phase === 'Distributing' || !isAnnounced ? 0 : state.rotateAtMs;
    const leafLifetimeMs = Math.min(this.#configuredLifetimeMs, state.leafLifetimeMs);
    const before = this.#signer;
    const roots = trustedRoots(state);
    const { serial, retireAtMs, leafLifetimeMs: limitMs } = state;
    const previous = certificatesIn(state.previous ?? '');
    const limits = { limitMs, previous, retireAtMs };
    this.#signer = signerOf(key, { roots, serial, unchangedUntilMs, leafLifetimeMs, ...limits });
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
  /** PEM */
  get rootsInPem(): readonly string[] {
    return this.#signer.roots.map((root) => root.toString());
  }
  get leafLifetimeMs(): number {
    return this.#signer.leafLifetimeMs;
  }

  /**
   * @param isLast whoever asks has none that is valid and serves those who cannot be told of a new root otherwise: a
   *   root that is trusted and signs nothing yet will do. Only an issuer elsewhere makes a difference of it.
   */
  async issue(request: LeafRequest, nowMs: number, isLast = false): Promise<Leaf> {
    if (this.#signer.key === undefined) return this.#ask(request, isLast);
    const keys = await generateKeys();
    return {
      certificate: await this.#sign(this.#signer.key, keys, request, nowMs),
      privateKey: await exportKey(keys.privateKey),
    };
  }

  /** What the issuer signs now is of a root that not everybody trusts yet. */
  get isHeld(): boolean {
    const offered = this.#issuer?.offered;
    if (offered === undefined || this.#signer.key !== undefined) return false;
    const root = new NodeCertificate(offered);
    const { issuing, previous } = this.#signer;
    return ![issuing, ...previous].some((each) => isSameKey(each, root));
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

  async #ask(request: LeafRequest, isLast: boolean): Promise<Leaf> {
    const issuer = this.#issuer;
    if (issuer === undefined) throw new IssuerError('NotSet', 'the root is of an issuer, and none is set');
    // the leader looks after it, and nobody else has to ask for what is held back
    if (this.isHeld && !isLast)
      throw held('the issuer signs with a new root, which not everybody trusts yet');
    const leaf = await issuer.ask(request, this.leafLifetimeMs, this.rootsInPem);
    const certificate = new NodeCertificate(leaf.certificate);
    const isTrusted = isLast && this.signed(certificate);
    const why = isTrusted ? undefined : whyHeld(certificate, this.#signer, this.#seenMs);
    if (why !== undefined) throw held(why);
    return { certificate: leaf.certificate, privateKey: leaf.privateKey };
  }

  async #sign(
    key: webcrypto.CryptoKey,
    keys: webcrypto.CryptoKeyPair,
    request: LeafRequest,
    nowMs: number,
  ): Promise<string> {
    const { root, leafLifetimeMs } = this.#signer;
    const notAfterMs = this.#endOfLeaf(nowMs);
    if (notAfterMs <= nowMs) throw new Error('the root has ended, or its state was not seen for too long');
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      subject: LEAF_SUBJECT,
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

interface SignerParts {
  /** PEM, the one that signs first */
  readonly roots: readonly string[];
  readonly serial: number | undefined;
  readonly unchangedUntilMs: number;
  readonly leafLifetimeMs: number;
  readonly limitMs: number;
  /** PEM */
  readonly previous: readonly string[];
  readonly retireAtMs: number | undefined;
}

function signerOf(key: webcrypto.CryptoKey | undefined, parts: SignerParts): Signer {
  const { roots, serial, previous, ...limits } = parts;
  const parsed = roots.map((root) => new NodeCertificate(root));
  return {
    ...limits,
    root: new x509.X509Certificate(roots[0]!),
    key,
    trustBundle: trustBundleOf(serial, roots),
    roots: parsed,
    issuing: parsed[0]!,
    previous: previous.map((root) => new NodeCertificate(root)),
    fingerprints: roots.map(fingerprintOf),
  };
}

/** Undefined: it is not here, but with an issuer. */
async function loadKey({ certificate, privateKey }: RootMaterial): Promise<webcrypto.CryptoKey | undefined> {
  const parsed = new NodeCertificate(certificate);
  const key = privateKey === '' ? undefined : await importKey(privateKey);
  if (!parsed.ca) throw new Error('the root certificate is not a CA certificate');
  if (key !== undefined && !parsed.checkPrivateKey(createPrivateKey(privateKey))) {
    throw new Error('the private key does not belong to the root certificate');
  }
  return key;
}

function held(why: string): IssuerError {
  return new IssuerError('HeldBack', why);
}

/** A CA certificate is often made anew with the key it had: for whoever trusts one, what it signs is good. */
function isSameKey(one: NodeCertificate, other: NodeCertificate): boolean {
  return one.subject === other.subject && one.publicKey.equals(other.publicKey);
}

/** Sources: RFC 5280 section 4.2; SPIFFE X509-SVID sections 2 and 4. */
async function leafExtensions(
  root: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
  request: LeafRequest,
): Promise<x509.Extension[]> {
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
    namesOf(request),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
  ];
}

/** 128 random bits; positive and without a leading zero byte (RFC 5280 section 4.1.2.2: at most 20 octets). */
function serialNumber(): string {
  return `01${randomBytes(16).toString('hex')}`;
}

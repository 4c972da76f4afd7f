import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Clock } from '../clock.ts';
import { Authority, createRoot, type Leaf } from '../identity/authority.ts';
import { IssuerError } from '../identity/issuer-error.ts';
import { ALGORITHM, importKey } from '../identity/leaf-keys.ts';
import type { SignedAnswer } from '../identity/signed-answer.ts';
import type { IssuerClient, OwnLeafMaterial, RootMaterial } from '../platform.ts';

/** An issuer in memory that signs whatever it is asked for; what it does wrong is said by `change`. */
export class TestIssuer implements IssuerClient {
  readonly name = 'ClusterIssuer/test';
  root!: RootMaterial;
  isAway = false;
  /** how often it was asked */
  asked = 0;
  ownLeaf: OwnLeafMaterial | undefined;
  /** what becomes of an answer */
  change: (answer: SignedAnswer) => SignedAnswer | Promise<SignedAnswer> = (answer) => answer;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It signs with this from now on. */
  async newRoot(): Promise<RootMaterial> {
    this.root = await createRoot('the test', this.#clock.unixMs());
    return this.root;
  }

  async sign(request: string, lifetimeMs: number): Promise<SignedAnswer> {
    this.asked += 1;
    if (this.isAway) throw new IssuerError('TimedOut', 'it is away');
    const certificate = await sign(this.root, request, this.#clock.unixMs(), lifetimeMs);
    return this.change({ certificate, ca: this.root.certificate });
  }

  async loadOwnLeaf(): Promise<OwnLeafMaterial | undefined> {
    return this.ownLeaf;
  }
  async storeOwnLeaf(leaf: OwnLeafMaterial): Promise<void> {
    this.ownLeaf = leaf;
  }
}

/** A leaf that the built-in authority has made with this root. */
export async function leafOf(root: RootMaterial, nowMs: number, dnsName = 'other'): Promise<Leaf> {
  const authority = await Authority.load(root);
  return authority.issue({ spiffeId: 'spiffe://cluster.local/ns/a/sa/b', dnsNames: [dnsName] }, nowMs);
}

/** As cert-manager's CA issuer does: subject and names of the request, usages beside it. */
export async function sign(
  { certificate, privateKey }: RootMaterial,
  request: string,
  nowMs: number,
  lifetimeMs: number,
  more: readonly x509.Extension[] = [],
): Promise<string> {
  const asked = new x509.Pkcs10CertificateRequest(request);
  const issuer = new x509.X509Certificate(certificate);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const made = await x509.X509CertificateGenerator.create({
    subject: asked.subjectName,
    issuer: issuer.subjectName,
    notBefore: new Date(nowMs),
    notAfter: new Date(nowMs + lifetimeMs),
    publicKey: asked.publicKey,
    signingKey: await importKey(privateKey),
    signingAlgorithm: ALGORITHM,
    extensions: [
      ...asked.extensions,
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...more,
    ],
  });
  return `${made.toString('pem')}\n`;
}

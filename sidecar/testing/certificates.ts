import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
// biome-ignore lint/style/noRestrictedImports: certificates for tests; nothing the bundle reaches imports this file
import * as x509 from '@peculiar/x509';
import { parseSpiffeId } from '../../api/spiffe.ts';
import type { Identity } from '../proxy-state.ts';

x509.cryptoProvider.set(webcrypto as never);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
export const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

type KeyPair = Awaited<ReturnType<typeof generateKeys>>;

/** What a leaf says; the defaults are those of a good one. */
export interface LeafOptions {
  readonly uris: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly isCa?: boolean;
  readonly usages?: readonly string[] | null;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

/** A certificate authority for one test. */
export class TestAuthority {
  readonly #keys: KeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: KeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  static async create(name = 'test root'): Promise<TestAuthority> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + HOUR_MS),
      signingAlgorithm: ALGORITHM,
      keys: keys as never,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    return new TestAuthority(keys, certificate);
  }

  get bundle(): string {
    return this.#certificate.toString('pem');
  }

  /** A workload's identity as the sidecar holds it. */
  async workload(spiffeId: string, options: Partial<LeafOptions> = {}): Promise<Identity> {
    const leaf = await this.leaf({ uris: [spiffeId], ...options });
    return {
      ...leaf,
      trustBundle: this.bundle,
      spiffeId,
      trustDomain: parseSpiffeId(spiffeId)?.trustDomain ?? '',
      notAfterMs: options.notAfterMs ?? Date.now() + HOUR_MS,
    };
  }

  async leaf(options: LeafOptions): Promise<{ readonly certificate: string; readonly privateKey: string }> {
    const keys = await generateKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: webcrypto
        .getRandomValues(new Uint8Array(8))
        .reduce((hex, byte) => hex + (byte & 0x7f).toString(16).padStart(2, '0'), ''),
      subject: 'CN=leaf',
      issuer: this.#certificate.subject,
      notBefore: new Date(options.notBeforeMs ?? Date.now() - HOUR_MS),
      notAfter: new Date(options.notAfterMs ?? Date.now() + HOUR_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey as never,
      signingKey: this.#keys.privateKey as never,
      extensions: leafExtensions(options),
    });
    return { certificate: certificate.toString('pem'), privateKey: await exportKey(keys) };
  }
}

function leafExtensions(options: LeafOptions): x509.Extension[] {
  const names = [
    ...options.uris.map((value) => ({ type: 'url' as const, value })),
    ...(options.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
  ];
  const usages = options.usages === undefined ? [SERVER_AUTH, CLIENT_AUTH] : options.usages;
  return [
    new x509.BasicConstraintsExtension(options.isCa ?? false, undefined, true),
    ...(options.isCa
      ? [
          new x509.KeyUsagesExtension(
            x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.digitalSignature,
            true,
          ),
        ]
      : [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true)]),
    ...(usages === null ? [] : [new x509.ExtendedKeyUsageExtension([...usages])]),
    ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
  ];
}

function generateKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(keys: KeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}

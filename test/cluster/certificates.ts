import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 24 * 60 * 60 * 1000;

export interface KeyPair {
  certificate: string;
  key: string;
}

export interface CertificateRequest {
  commonName: string;
  organization?: string;
  /** Host names and addresses for a server; a certificate without any is a client's. */
  hosts?: string[];
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ]) as Promise<webcrypto.CryptoKeyPair>;
}

async function keyPem(key: webcrypto.CryptoKey, format: 'pkcs8' | 'spki'): Promise<string> {
  const der = await webcrypto.subtle.exportKey(format, key);
  return `${x509.PemConverter.encode(der, format === 'pkcs8' ? 'PRIVATE KEY' : 'PUBLIC KEY')}\n`;
}

function validity(): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) };
}

function extensions(request: CertificateRequest): x509.Extension[] {
  const names = (request.hosts ?? []).map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(digitalSignature | keyEncipherment, true),
    new x509.ExtendedKeyUsageExtension(names.length > 0 ? [serverAuth, clientAuth] : [clientAuth]),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
  ];
}

/** The certificate authority of one test cluster, and the folder its files are in. */
export class CertificateAuthority {
  readonly directory: string;
  readonly certificate: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #issuer: x509.X509Certificate;

  private constructor(directory: string, keys: webcrypto.CryptoKeyPair, issuer: x509.X509Certificate) {
    this.directory = directory;
    this.#keys = keys;
    this.#issuer = issuer;
    this.certificate = `${issuer.toString('pem')}\n`;
  }

  static async create(directory: string): Promise<CertificateAuthority> {
    const keys = await newKeys();
    const issuer = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=weft-test-ca',
      keys,
      signingAlgorithm: algorithm,
      ...validity(),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const authority = new CertificateAuthority(directory, keys, issuer);
    authority.write('ca.crt', authority.certificate);
    authority.write('ca.key', await keyPem(keys.privateKey, 'pkcs8'));
    return authority;
  }

  path(file: string): string {
    return join(this.directory, file);
  }

  write(file: string, content: string): string {
    writeFileSync(this.path(file), content, { mode: 0o600 });
    return this.path(file);
  }

  async issue(request: CertificateRequest): Promise<KeyPair> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [
        { CN: [request.commonName] },
        ...(request.organization ? [{ O: [request.organization] }] : []),
      ],
      issuer: this.#issuer.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: algorithm,
      ...validity(),
      extensions: extensions(request),
    });
    return { certificate: `${certificate.toString('pem')}\n`, key: await keyPem(keys.privateKey, 'pkcs8') };
  }

  /** Issues a certificate into `name`.crt and `name`.key. */
  async issueFiles(name: string, request: CertificateRequest): Promise<KeyPair> {
    const pair = await this.issue(request);
    this.write(`${name}.crt`, pair.certificate);
    this.write(`${name}.key`, pair.key);
    return pair;
  }

  /** The key pair that signs service account tokens: sa.key and sa.pub. */
  async createServiceAccountKeys(): Promise<void> {
    const keys = await newKeys();
    this.write('sa.key', await keyPem(keys.privateKey, 'pkcs8'));
    this.write('sa.pub', await keyPem(keys.publicKey, 'spki'));
  }
}

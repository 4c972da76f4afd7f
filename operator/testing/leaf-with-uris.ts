import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Leaf } from '../identity/authority.ts';
import type { RootMaterial } from '../platform.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

const { clientAuth, serverAuth } = x509.ExtendedKeyUsage;

/** What our own authority never issues: a leaf of its root with several URI names, or without its usages. */
export async function leafWithUris(
  root: RootMaterial,
  uris: string[],
  dnsName: string,
  usages: x509.ExtendedKeyUsageType[] = [serverAuth, clientAuth],
): Promise<Leaf> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const rootKey = x509.PemConverter.decodeFirst(root.privateKey);
  const names = uris.map((value) => ({ type: 'url', value }) as const);
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: new x509.X509Certificate(root.certificate).subjectName,
    notBefore: new Date(Date.now() - 60_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', rootKey, ALGORITHM, false, ['sign']),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.SubjectAlternativeNameExtension([...names, { type: 'dns', value: dnsName }]),
      ...(usages.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(usages)]),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    certificate: certificate.toString('pem'),
    privateKey: x509.PemConverter.encode(key, 'PRIVATE KEY'),
  };
}

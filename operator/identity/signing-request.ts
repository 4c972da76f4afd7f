import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { LeafRequest } from './authority.ts';
import { ALGORITHM } from './leaf-keys.ts';

export const LEAF_SUBJECT = [{ O: ['Weft workload'] }];

/** The names of a leaf: at most one SPIFFE ID, and DNS names. */
export function namesOf({ spiffeId, dnsNames }: LeafRequest): x509.SubjectAlternativeNameExtension {
  const names = dnsNames.map((value) => ({ type: 'dns', value }) as const);
  const uris = spiffeId === undefined ? [] : [{ type: 'url', value: spiffeId } as const];
  return new x509.SubjectAlternativeNameExtension([...uris, ...names]);
}

/**
 * What an issuer elsewhere is asked to sign, PEM. Usages go beside it.
 * Source: RFC 2986; RFC 2985 section 5.4.2 (extensions that are asked for).
 */
export async function signingRequest(keys: webcrypto.CryptoKeyPair, request: LeafRequest): Promise<string> {
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: LEAF_SUBJECT,
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [namesOf(request)],
  });
  return `${made.toString('pem')}\n`;
}

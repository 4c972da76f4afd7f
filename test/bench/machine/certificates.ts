import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Identity } from '../../../sidecar/proxy-state.ts';
import { TestAuthority } from '../../../sidecar/testing/certificates.ts';

/** Who calls, and who is called. */
export const WEB = 'spiffe://cluster.local/ns/shop/sa/web';
export const API = 'spiffe://cluster.local/ns/shop/sa/api';
/** nginx and HAProxy check names, not SPIFFE IDs: the server's leaf has one too. */
export const API_NAME = 'api.bench';

/** A workload's identity, as text and as the files that other programs read. */
export interface Leaf {
  readonly identity: Identity;
  readonly cert: string;
  readonly key: string;
  /** certificate and key in one file, for HAProxy */
  readonly both: string;
}

export interface Certificates {
  readonly ca: string;
  readonly web: Leaf;
  readonly api: Leaf;
}

/** P-256, valid for an hour; the same for all candidates. */
export async function makeCertificates(dir: string): Promise<Certificates> {
  const authority = await TestAuthority.create('bench root');
  const ca = join(dir, 'ca.pem');
  writeFileSync(ca, authority.bundle);
  const leaf = async (name: string, spiffeId: string, dnsName: string): Promise<Leaf> => {
    const identity = await authority.workload(spiffeId, { dnsNames: [dnsName] });
    const file = (suffix: string, text: string) => {
      const path = join(dir, `${name}.${suffix}`);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    return {
      identity,
      cert: file('crt', identity.certificate),
      key: file('key', identity.privateKey),
      both: file('pem', `${identity.certificate}\n${identity.privateKey}`),
    };
  };
  return { ca, web: await leaf('web', WEB, 'web.bench'), api: await leaf('api', API, API_NAME) };
}

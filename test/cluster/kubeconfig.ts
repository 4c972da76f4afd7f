import { writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import type { KeyPair } from './certificates.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The text of a kubeconfig whose one user has a client certificate. */
export function kubeconfig(server: string, authority: string, user: KeyPair): string {
  const name = 'weft-test';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [
      {
        name,
        user: { 'client-certificate-data': base64(user.certificate), 'client-key-data': base64(user.key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

export function writeKubeconfig(path: string, content: string): string {
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

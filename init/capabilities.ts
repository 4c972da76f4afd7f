import { readFile } from 'node:fs/promises';

/** Bit numbers: linux/capability.h. */
const REQUIRED = { NET_ADMIN: 12, NET_RAW: 13 } as const;

/** The names of required capabilities that are not effective, from the text of /proc/self/status. */
export function missingCapabilities(status: string): string[] {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  if (match === null) return [];
  const effective = BigInt(`0x${match[1]}`);
  return Object.entries(REQUIRED)
    .filter(([, bit]) => (effective & (1n << BigInt(bit))) === 0n)
    .map(([name]) => name);
}

export class CapabilityError extends Error {
  override readonly name = 'CapabilityError';
}

export async function checkCapabilities(): Promise<void> {
  const missing = missingCapabilities(await readFile('/proc/self/status', 'utf8'));
  if (missing.length === 0) return;
  throw new CapabilityError(
    `redirecting the pod's traffic needs the capabilities NET_ADMIN and NET_RAW; missing: ${missing.join(', ')}. ` +
      'The Pod Security levels baseline and restricted refuse them: label the namespace ' +
      'pod-security.kubernetes.io/enforce=privileged, or keep the pod out of the mesh with weft.dev/inject=disabled',
  );
}

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NEEDED = ['ip', 'setpriv', 'unshare', 'nsenter', 'iptables-nft-restore', 'iptables-legacy-restore'];

/** What stands in the way of network namespaces here; undefined: nothing. In CI it is an error. */
export function obstacle(): string | undefined {
  const reason = reasonNot();
  if (reason !== undefined && process.env.CI === 'true')
    throw new Error(`namespaces are not tested: ${reason}`);
  return reason;
}

function reasonNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = NEEDED.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `needs ${missing.join(', ')}: apt-get install iptables iproute2`;
  return undefined;
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

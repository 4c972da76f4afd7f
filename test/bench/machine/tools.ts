import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';

/** Command: the Debian package that brings it. */
const PACKAGES = {
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  wrk: 'wrk',
  go: 'golang-go',
  taskset: 'util-linux',
} as const;

/** Debian puts servers where only root's PATH looks. */
const EXTRA = ['/usr/sbin', '/usr/local/sbin', '/sbin'];

/**
 * Sees to it that everything is there that is compared with or measured by. Installs it where that is possible
 * (root, apt-get); throws with what to install where it is not.
 */
export function ensureTools(say: (line: string) => void): void {
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc: it runs on Linux only');
  if (availableParallelism() < 2) throw new Error('the benchmark needs two cores: one for the proxy alone');
  process.env.PATH = [process.env.PATH, ...EXTRA].join(delimiter);
  const missing = missingPackages();
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !isOnPath('apt-get')) {
    throw new Error(`missing on this machine: ${missing.join(', ')}. Please run as root: ${command}`);
  }
  say(`installing ${missing.join(' ')}`);
  // RUNLEVEL=1: the packages' own services are not started
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { env, stdio: 'ignore' } as const;
  execFileSync('apt-get', ['update'], options);
  execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], options);
  if (missingPackages().length > 0)
    throw new Error(`installed, yet still missing: ${missingPackages().join(', ')}`);
}

function missingPackages(): string[] {
  const missing = Object.entries(PACKAGES).filter(([command]) => !isOnPath(command));
  return missing.map(([, name]) => name);
}

function isOnPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

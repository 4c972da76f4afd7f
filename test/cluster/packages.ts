import { cacheDirectory } from './cache.ts';
import { findOnPath, runOk } from './command.ts';
import { withLock } from './lock.ts';
import { type Progress, step } from './progress.ts';

/** The Debian package that brings each command. */
const packageOf = {
  etcd: 'etcd-server',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  nginx: 'nginx-light',
  'iptables-restore': 'iptables',
  conntrack: 'conntrack',
  ip: 'iproute2',
  tcpdump: 'tcpdump',
  pkill: 'procps',
  buildah: 'buildah',
  mmdebstrap: 'mmdebstrap',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  mariadbd: 'mariadb-server-core',
  mariadb: 'mariadb-client-core',
  pg_createcluster: 'postgresql',
  psql: 'postgresql-client',
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  curl: 'curl',
  haproxy: 'haproxy',
  javac: 'default-jdk-headless',
  python3: 'python3',
  pip3: 'python3-pip',
  npm: 'npm',
} as const;

export type SystemCommand = keyof typeof packageOf;

/** for another program that installs */
const LOCK_SECONDS = 300;

const cniDirectories = ['/usr/lib/cni', '/opt/cni/bin'];

/** The directory of the container network plugins, if they are installed. */
export function findCniPlugins(): string | undefined {
  return cniDirectories.find(
    (directory) => findOnPath('ptp', directory) && findOnPath('host-local', directory),
  );
}

function missingPackages(commands: readonly SystemCommand[], cni: boolean): string[] {
  const missing = new Set<string>(
    commands.filter((command) => !findOnPath(command)).map((name) => packageOf[name]),
  );
  if (cni && !findCniPlugins()) missing.add('containernetworking-plugins');
  return [...missing].sort();
}

function assertInstallable(missing: string[]): void {
  const wanted = missing.join(' ');
  if (!findOnPath('apt-get')) throw new Error(`Please install what is missing on this machine: ${wanted}`);
  if (process.getuid?.() !== 0)
    throw new Error(`Please run as root: apt-get install -y --no-install-recommends ${wanted}`);
}

/** Installs the packages of the commands that are missing; asks for nothing when all are there. */
export async function ensureCommands(
  commands: readonly SystemCommand[],
  progress: Progress,
  options: { cni?: boolean } = {},
): Promise<void> {
  const missing = missingPackages(commands, options.cni ?? false);
  if (missing.length === 0) return;
  assertInstallable(missing);
  await step(progress, `installing ${missing.join(' ')}`, async ({ note }) => {
    // in runlevel 1 invoke-rc.d(8) starts no server that a package brings
    const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    // another process of the tests may be installing too
    const apt = (...args: string[]) =>
      runOk('apt-get', ['-o', `DPkg::Lock::Timeout=${LOCK_SECONDS}`, ...args], { env, onOutput: note });
    await withLock(cacheDirectory('packages.lock'), async () => {
      await apt('update');
      await apt('install', '-y', '--no-install-recommends', ...missing);
    });
  });
  const still = missingPackages(commands, options.cni ?? false);
  if (still.length > 0) throw new Error(`Installed, yet still missing: ${still.join(' ')}`);
}

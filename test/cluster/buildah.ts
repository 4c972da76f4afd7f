import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ensureBaseImages } from './baseimages.ts';
import { cacheDirectory, writeAtomically } from './cache.ts';
import { run, runOk } from './command.ts';
import { ensureCommands } from './packages.ts';
import type { Progress } from './progress.ts';

const buildFolder = '/run/weft-build';

let storage: Promise<string[]> | undefined;

/** Where buildah keeps its images: overlay where the kernel allows it, plain copies elsewhere. */
async function findStorage(): Promise<string[]> {
  for (const driver of ['overlay', 'vfs']) {
    const folder = cacheDirectory('buildah', driver);
    mkdirSync(folder, { recursive: true });
    const options = [
      '--root',
      join(folder, 'root'),
      '--runroot',
      join(folder, 'run'),
      '--storage-driver',
      driver,
    ];
    if ((await run('buildah', [...options, 'images', '-q'])).code === 0) return options;
  }
  throw new Error('buildah can use neither the overlay nor the vfs storage driver here');
}

async function buildah(args: string[], onOutput?: (text: string) => void): Promise<string> {
  storage ??= findStorage();
  return runOk('buildah', [...(await storage), ...args], { onOutput });
}

/** Puts the base images under the names that Dockerfiles use; what is there already is left. */
async function loadBaseImages(progress: Progress): Promise<void> {
  for (const { tag, archive } of await ensureBaseImages(progress)) {
    const marker = cacheDirectory('buildah', `${encodeURIComponent(tag)}.loaded`);
    const present = existsSync(marker) && readFileSync(marker, 'utf8') === archive;
    if (present && (await buildah(['images', '-q', '--filter', `reference=${tag}`])).trim()) continue;
    await buildah(['pull', '-q', `docker-archive:${archive}`]);
    writeFileSync(marker, archive);
  }
}

/** Settings that name places of this machine, or that only its own npm understands, stay here. */
const localSettings =
  /^\s*(cafile|prefix|nodedir|cache|userconfig|globalconfig|omit-lockfile-registry-resolved)\s*=/;

function readNpmSettings(): string[] {
  const files = ['/etc/npmrc', '/usr/etc/npmrc', '/usr/local/etc/npmrc', join(homedir(), '.npmrc')];
  const lines = files
    .filter((path) => existsSync(path))
    .flatMap((path) => readFileSync(path, 'utf8').split('\n'));
  return [...new Set(lines)].filter((line) => line.trim() && !localSettings.test(line));
}

/**
 * What a build on this machine needs to reach its package registries: npm's settings and the authorities that the
 * machine trusts, mounted for the time of the build and never part of the image.
 */
function registryMounts(): string[] {
  const bundle = [process.env.NODE_EXTRA_CA_CERTS, process.env.SSL_CERT_FILE].find(
    (path) => path && existsSync(path),
  );
  const settings = readNpmSettings();
  if (bundle) settings.push(`cafile=${buildFolder}/authorities.crt`);
  if (settings.length === 0) return [];
  const npmrc = cacheDirectory('buildah', 'npmrc');
  writeFileSync(npmrc, `${settings.join('\n')}\n`, { mode: 0o644 });
  const mounts = [`${npmrc}:/usr/local/etc/npmrc:ro`];
  if (bundle) mounts.push(`${bundle}:${buildFolder}/authorities.crt:ro`);
  return mounts.flatMap((mount) => ['--volume', mount]);
}

export interface BuildRequest {
  context: string;
  dockerfile: string;
  /** The full name, registry included. */
  tag: string;
  args: Record<string, string>;
}

/** Builds with buildah; gives the image's id. */
export async function buildWithBuildah(
  request: BuildRequest,
  progress: Progress,
  onOutput: (text: string) => void,
): Promise<string> {
  await ensureCommands(['buildah'], progress);
  await loadBaseImages(progress);
  const idFile = cacheDirectory('buildah', `id-${process.pid}`);
  const values = Object.entries(request.args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  // chroot needs no namespaces that a sandbox may refuse; the host's network is the one that leads to registries.
  const fixed = [
    '--isolation',
    'chroot',
    '--network',
    'host',
    '--layers',
    '--format',
    'docker',
    '--iidfile',
    idFile,
  ];
  const { dockerfile, tag, context } = request;
  const command = [
    'build',
    ...fixed,
    ...registryMounts(),
    ...values,
    '--file',
    dockerfile,
    '--tag',
    tag,
    context,
  ];
  try {
    await buildah(command, onOutput);
  } catch (error) {
    // A failed build leaves its containers mounted. The storage is ours, and the caller's lock lets one build at a time.
    await buildah(['rm', '--all']);
    throw error;
  }
  const id = readFileSync(idFile, 'utf8').trim().replace('sha256:', '');
  rmSync(idFile);
  return id;
}

export async function saveFromBuildah(id: string, tag: string, archive: string): Promise<void> {
  await writeAtomically(archive, async (temporary) => {
    await buildah(['push', '-q', id, `docker-archive:${temporary}:${tag}`]);
  });
}

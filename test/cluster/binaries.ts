import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { cacheDirectory, writeAtomically } from './cache.ts';
import { findOnPath, run, runOk } from './command.ts';
import { withLock } from './lock.ts';
import { type Progress, type Step, showProgress, step } from './progress.ts';

const modules = join(import.meta.dirname, 'binaries');
const goArch = { x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64' | 'arm64'] ?? process.arch;
const platform = `${process.platform}-${goArch}`;

interface GoBinary {
  /** The folder under binaries/ whose go.mod pins the version. */
  folder: string;
  module: string;
  package: string;
  /** The file's name, if it is not the binary's own. */
  file?: string;
  flags: (version: string) => string;
  /** True when the official release has this file by itself. */
  released?: boolean;
}

const kubernetes = (name: string): GoBinary => ({
  folder: 'kubernetes',
  module: 'k8s.io/kubernetes',
  package: `k8s.io/kubernetes/cmd/${name}`,
  flags: kubernetesFlags,
  released: true,
});

const helm = (major: 3 | 4, flags: (version: string) => string): GoBinary => ({
  folder: `helm${major}`,
  module: `helm.sh/helm/v${major}`,
  package: `helm.sh/helm/v${major}/cmd/helm`,
  file: 'helm',
  flags: (version) => `-X helm.sh/helm/v${major}/internal/version.version=${version} ${flags(version)}`,
});

const sources = {
  'kube-apiserver': kubernetes('kube-apiserver'),
  'kube-controller-manager': kubernetes('kube-controller-manager'),
  'kube-scheduler': kubernetes('kube-scheduler'),
  kubelet: kubernetes('kubelet'),
  'kube-proxy': kubernetes('kube-proxy'),
  kubectl: kubernetes('kubectl'),
  helm4: helm(4, () => ''),
  helm3: helm(3, helm3Capabilities),
  coredns: { folder: 'coredns', module: 'github.com/coredns/coredns', package: '.', flags: () => '' },
  'cert-manager': {
    folder: 'cert-manager',
    module: 'github.com/cert-manager/cert-manager',
    package: '.',
    flags: () => '',
  },
  pause: { folder: 'pause', module: '', package: '.', flags: () => '' },
  'slow-wire': { folder: 'slow-wire', module: '', package: '.', flags: () => '' },
} satisfies Record<string, GoBinary>;

export type BinaryName = keyof typeof sources;

/** A program of that name elsewhere is another. */
const MADE_HERE: readonly BinaryName[] = ['pause', 'slow-wire', 'cert-manager'];

export const clusterBinaries = [
  'kube-apiserver', // First: what needs only an API server can begin while the rest is built.
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
  'coredns',
  'pause',
] as const satisfies readonly BinaryName[];

function majorMinor(version: string): [string, string] {
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  return [major, minor];
}

function kubernetesFlags(version: string): string {
  const [major, minor] = majorMinor(version);
  const stamp = 'k8s.io/component-base/version';
  return `-X ${stamp}.gitVersion=${version} -X ${stamp}.gitMajor=${major} -X ${stamp}.gitMinor=${minor}`;
}

/** helm 3 takes the Kubernetes version that `helm template` reports from its build. */
function helm3Capabilities(): string {
  const [major, minor] = majorMinor(versionOf('kube-apiserver'));
  const stamp = 'helm.sh/helm/v3/pkg/chartutil';
  return `-X ${stamp}.k8sVersionMajor=${major} -X ${stamp}.k8sVersionMinor=${minor}`;
}

/** The version that the binary's go.mod requires: the one place where it is written. */
export function versionOf(name: BinaryName): string {
  const { folder, module }: GoBinary = sources[name];
  if (!module) return 'v1';
  const text = readFileSync(join(modules, folder, 'go.mod'), 'utf8');
  const found = text.split('\n').find((line) => line.replace('require', '').trim().startsWith(`${module} v`));
  const version = found?.trim().split(' ').at(-1);
  if (!version) throw new Error(`${folder}/go.mod does not require ${module}`);
  return version;
}

/** A binary that the machine has: the given assets as they are, one on PATH only if it is of the same release. */
async function installed(name: BinaryName): Promise<string | undefined> {
  const source: GoBinary = sources[name];
  const file = source.file ?? name;
  const given = process.env.KUBEBUILDER_ASSETS && findOnPath(file, process.env.KUBEBUILDER_ASSETS);
  if (given) return given;
  const found = MADE_HERE.includes(name) ? undefined : findOnPath(file);
  if (!found) return undefined;
  const args = {
    kubectl: ['version', '--client'],
    helm4: ['version'],
    helm3: ['version'],
    coredns: ['-version'],
  };
  const { stdout } = await run(found, args[name as keyof typeof args] ?? ['--version']).catch(() => ({
    stdout: '',
  }));
  const release = majorMinor(versionOf(name)).join('.');
  return new RegExp(`\\bv?${release.replace('.', '\\.')}\\.`).test(stdout) ? found : undefined;
}

let downloadsWork = true;

async function fetchOfficial(url: string): Promise<Response> {
  // A network that swallows packets must not hold up the build that follows.
  const connecting = new AbortController();
  const timer = setTimeout(() => connecting.abort(), 3_000);
  try {
    const answer = await fetch(url, { signal: connecting.signal });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Tries the official release; false when it cannot be reached, an error when its checksum is wrong. */
async function download(name: BinaryName, target: string): Promise<boolean> {
  const source: GoBinary = sources[name];
  const mirror = process.env.WEFT_KUBERNETES_RELEASES ?? 'https://dl.k8s.io/release';
  if (!source.released || process.platform !== 'linux' || !downloadsWork || mirror === 'off') return false;
  const url = `${mirror}/${versionOf(name)}/bin/linux/${goArch}/${name}`;
  try {
    const expected = (await (await fetchOfficial(`${url}.sha256`)).text()).trim();
    const answer = await fetchOfficial(url);
    if (!answer.body) return false;
    await pipeline(Readable.fromWeb(answer.body), createWriteStream(target));
    if ((await sha256(target)) !== expected)
      throw new ChecksumError(`${url} does not have the checksum ${expected}`);
    return true;
  } catch (error) {
    if (error instanceof ChecksumError) throw error;
    downloadsWork = false;
    return false;
  }
}

class ChecksumError extends Error {}

async function build(name: BinaryName, target: string, { note }: Step): Promise<void> {
  const source: GoBinary = sources[name];
  const version = versionOf(name);
  if (!findOnPath('go')) {
    throw new Error(
      `No ${name} ${version}: put it on PATH or into KUBEBUILDER_ASSETS, or install Go to build it`,
    );
  }
  const flags = `-s -w ${source.flags(version)}`;
  // Vendored or workspace settings of the caller must not reach a module that is built by itself.
  const env = { CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '' };
  const args = ['build', '-v', '-trimpath', '-ldflags', flags, '-o', target, source.package];
  await runOk('go', args, { cwd: join(modules, source.folder), env, onOutput: note });
}

async function obtain(name: BinaryName, path: string, progress: Progress): Promise<void> {
  const version = versionOf(name);
  await writeAtomically(path, async (temporary) => {
    const downloaded = await step(progress, `downloading ${name} ${version}`, () =>
      download(name, temporary),
    );
    if (!downloaded)
      await step(progress, `building ${name} ${version}`, (current) => build(name, temporary, current));
    await chmod(temporary, 0o755);
  });
}

/** The binary's path: from the machine, else from the cache, else downloaded or built into the cache. */
export async function findBinary(name: BinaryName, progress: Progress = showProgress): Promise<string> {
  const found = await installed(name);
  if (found) return found;
  const source: GoBinary = sources[name];
  const folder = cacheDirectory('bin', `${source.folder}-${versionOf(name)}-${platform}`);
  const path = join(folder, source.file ?? name);
  if (existsSync(path)) return path;
  let waiting: Step | undefined;
  const onWait = (owner: string) => {
    waiting ??= progress(`waiting for process ${owner}, which makes ${name} or one like it`);
  };
  const make = async () => {
    waiting?.end();
    if (!existsSync(path)) await obtain(name, path, progress);
  };
  await withLock(join(folder, '.lock'), make, onWait);
  return path;
}

/** Text of files of a binary's Go module, kept in the cache beside it. */
export async function filesOfModule(name: BinaryName, files: readonly string[]): Promise<string[]> {
  const source: GoBinary = sources[name];
  const folder = cacheDirectory('bin', `${source.folder}-${versionOf(name)}-${platform}`, 'module');
  const missing = files.filter((file) => !existsSync(join(folder, file)));
  if (missing.length > 0) {
    const env = { GOWORK: 'off', GOFLAGS: '-mod=mod' };
    const args = ['mod', 'download', '-json', `${source.module}@${versionOf(name)}`];
    const stdout = await runOk('go', args, { cwd: join(modules, source.folder), env });
    const { Dir } = JSON.parse(stdout) as { Dir: string };
    for (const file of missing) {
      await writeAtomically(join(folder, file), (temporary) => copyFile(join(Dir, file), temporary));
    }
  }
  return files.map((file) => readFileSync(join(folder, file), 'utf8'));
}

/** Several binaries, one after the other: builds in parallel would only share the same cores. */
export async function findBinaries<Name extends BinaryName>(
  names: readonly Name[],
  progress: Progress = showProgress,
): Promise<Record<Name, string>> {
  const paths = {} as Record<Name, string>;
  for (const name of names) paths[name] = await findBinary(name, progress);
  return paths;
}

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BuildRequest, buildWithBuildah, saveFromBuildah } from './buildah.ts';
import { cacheDirectory, writeAtomically } from './cache.ts';
import { findOnPath, run, runOk } from './command.ts';
import { withLock } from './lock.ts';
import { noProgress, type Progress, showProgress, step } from './progress.ts';

export interface BuildOptions {
  /** Relative to the context; its own Dockerfile if not given. */
  dockerfile?: string;
  args?: Record<string, string>;
  progress?: Progress;
}

/** The name in full, as Kubernetes reads it: `a/b` means Docker's registry. */
export function fullName(tag: string): string {
  const [first = '', ...rest] = tag.split('/');
  const named = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = named ? tag : `docker.io/${rest.length > 0 ? tag : `library/${tag}`}`;
  return path.split('/').at(-1)?.includes(':') ? path : `${path}:latest`;
}

async function dockerAnswers(): Promise<boolean> {
  if (!findOnPath('docker')) return false;
  const { stdout, code } = await run('docker', ['info', '--format', '{{.ServerVersion}}']);
  return code === 0 && stdout.trim() !== '';
}

async function buildWithDocker(request: BuildRequest, onOutput: (text: string) => void): Promise<string> {
  const { context, dockerfile, tag } = request;
  const values = Object.entries(request.args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  await runOk('docker', ['build', ...values, '--file', dockerfile, '--tag', tag, context], { onOutput });
  const id = await runOk('docker', ['image', 'inspect', '--format', '{{.Id}}', tag]);
  return id.trim().replace('sha256:', '');
}

async function saveFromDocker(tag: string, archive: string): Promise<void> {
  await writeAtomically(archive, async (temporary) => {
    await runOk('docker', ['save', '--output', temporary, tag]);
  });
}

const fileName = (tag: string) => tag.replace(/[^a-z0-9.-]+/gi, '_');

/** Keeps one archive for each name: the one just made. */
function removeOlder(tag: string, archive: string): void {
  const folder = cacheDirectory('images');
  const prefix = `${fileName(tag)}@`;
  for (const name of readdirSync(folder)) {
    if (name.startsWith(prefix) && join(folder, name) !== archive) rmSync(join(folder, name));
  }
}

async function build(request: BuildRequest, progress: Progress): Promise<string> {
  const { tag } = request;
  const docker = await dockerAnswers();
  return step(progress, `building the image ${tag}`, async ({ note }) => {
    const id = docker
      ? await buildWithDocker(request, note)
      : await buildWithBuildah(request, noProgress, note);
    const archive = cacheDirectory('images', `${fileName(tag)}@${id.slice(0, 16)}.tar`);
    if (existsSync(archive)) return archive;
    await (docker ? saveFromDocker(tag, archive) : saveFromBuildah(id, tag, archive));
    removeOlder(tag, archive);
    return archive;
  });
}

/** Builds a Dockerfile, with docker if its daemon answers, else with buildah; gives the image's archive. */
export async function buildImage(context: string, tag: string, options: BuildOptions = {}): Promise<string> {
  const request: BuildRequest = {
    context: resolve(context),
    dockerfile: resolve(context, options.dockerfile ?? 'Dockerfile'),
    tag: fullName(tag),
    args: options.args ?? {},
  };
  const lock = cacheDirectory('images', '.lock');
  return withLock(lock, () => build(request, options.progress ?? showProgress));
}

/** A cluster that we cannot load images into needs a place to pull this one from. */
export const testAppImage = process.env.WEFT_TEST_APP_IMAGE ?? 'docker.io/weft-test/app:latest';

/** The image for test workloads: Debian with Node, curl, nginx and iptables; gives its archive. */
export async function ensureTestAppImage(progress: Progress = showProgress): Promise<string> {
  const context = join(import.meta.dirname, 'app');
  const dockerfile = readFileSync(join(context, 'Dockerfile'), 'utf8');
  const key = createHash('sha256').update(`${process.version} ${dockerfile}`).digest('hex').slice(0, 16);
  return buildOnce(`test-app-${key}`, () => buildImage(context, testAppImage, { progress }));
}

/** The archive that was made for this key, if it is still there. @param key a file's name */
export async function buildOnce(key: string, build: () => Promise<string>): Promise<string> {
  const marker = cacheDirectory('images', `${key}.path`);
  if (existsSync(marker)) {
    const archive = readFileSync(marker, 'utf8');
    if (existsSync(archive)) return archive;
  }
  const archive = await build();
  await writeAtomically(marker, (temporary) => writeFile(temporary, archive));
  return archive;
}

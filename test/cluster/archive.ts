import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeAtomically } from './cache.ts';
import { runOk } from './command.ts';

export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Runs `work` with a directory beside `path` (same file system, so that files can be linked). */
export async function withWorkDirectory<T>(
  path: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const directory = await mkdtemp(join(dirname(path), '.work-'));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Gives each layer the name of its digest in `directory`; the digests are in the layers' order. */
async function placeLayers(layers: string[], directory: string): Promise<string[]> {
  const digests: string[] = [];
  for (const layer of layers) {
    const name = await digest(layer);
    const target = join(directory, `${name}.tar`);
    await link(layer, target).catch(() => copyFile(layer, target));
    digests.push(name);
  }
  return digests;
}

/** Writes an image of the given layers as a docker archive, which containerd, buildah and docker can all load. */
export async function writeImageArchive(
  path: string,
  tag: string,
  layers: string[],
  config: ImageConfig,
): Promise<void> {
  await withWorkDirectory(path, async (directory) => {
    const digests = await placeLayers(layers, directory);
    const image = imageJson(digests, config);
    const configFile = `${createHash('sha256').update(image).digest('hex')}.json`;
    const files = digests.map((name) => `${name}.tar`);
    await writeFile(join(directory, configFile), image);
    const manifest = [{ Config: configFile, RepoTags: [tag], Layers: files }];
    await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
    await writeAtomically(path, async (temporary) => {
      const entries = ['manifest.json', configFile, ...files];
      await runOk('tar', ['--create', '--file', temporary, '--directory', directory, ...entries]);
    });
  });
}

// One time for all: the same files give the same image, and builders find the layers that they made of it before.
const epoch = '1970-01-01T00:00:00Z';

function imageJson(digests: string[], config: ImageConfig): string {
  return JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: epoch,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], ...config },
    rootfs: { type: 'layers', diff_ids: digests.map((name) => `sha256:${name}`) },
    history: digests.map(() => ({ created: epoch, created_by: 'weft test images' })),
  });
}

import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withWorkDirectory, writeImageArchive } from './archive.ts';
import { cacheDirectory } from './cache.ts';
import { runOk } from './command.ts';
import { pauseImage } from './containerd.ts';

/** The archive of the image that holds each pod's namespaces open: one static binary. */
export async function ensurePauseImage(binary: string): Promise<string> {
  const path = cacheDirectory('images', 'pause-v1.tar');
  if (existsSync(path)) return path;
  await withWorkDirectory(path, async (directory) => {
    await copyFile(binary, join(directory, 'pause'));
    const layer = join(directory, 'layer.tar');
    await runOk('tar', ['--create', '--file', layer, '--directory', directory, 'pause']);
    await writeImageArchive(path, pauseImage, [layer], { Entrypoint: ['/pause'] });
  });
  return path;
}

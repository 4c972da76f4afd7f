import { mkdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const PRIVATE_FILE = 0o600;
const PRIVATE_FOLDER = 0o700;

export async function makePrivateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
}

/** Whoever reads sees the old text or the new one. Readable by its owner only. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await makePrivateFolder(dirname(path));
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  await writeFile(temporary, text, { mode: PRIVATE_FILE });
  await rename(temporary, path);
}

/** Undefined: there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Several files at once, as the kubelet mounts a Secret: each is a link through `..data`, and `..data` is a link
 * to a folder that is never changed, swapped by one rename.
 * Source: https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
 * @param name of the new folder; must differ from the one in use
 */
export async function writeTogether(
  folder: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await makePrivateFolder(folder);
  const before = await readlink(join(folder, '..data')).catch(() => undefined);
  await makePrivateFolder(join(folder, name));
  for (const [file, text] of Object.entries(files)) {
    await writeFile(join(folder, name, file), text, { mode: PRIVATE_FILE });
  }
  await relink(name, join(folder, '..data'));
  for (const file of Object.keys(files)) await relink(join('..data', file), join(folder, file));
  if (before !== undefined && before !== name)
    await rm(join(folder, before), { recursive: true, force: true });
}

async function relink(target: string, path: string): Promise<void> {
  if ((await readlink(path).catch(() => undefined)) === target) return;
  const temporary = `${path}_tmp`;
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  await rename(temporary, path);
}

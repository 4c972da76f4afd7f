import { link, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RootMaterial } from '../platform.ts';
import { makePrivateFolder, readIfThere } from './atomic-file.ts';

const BLOCK = (label: string) => new RegExp(`-----BEGIN ${label}-----[\\s\\S]+?-----END ${label}-----\\n?`);

/** The root as one file, certificate and key, readable by its owner only. Undefined: there is none. */
export async function loadRootFile(path: string): Promise<RootMaterial | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const certificate = BLOCK('CERTIFICATE').exec(text)?.[0];
  const privateKey = BLOCK('PRIVATE KEY').exec(text)?.[0];
  if (certificate === undefined || privateKey === undefined) {
    throw new Error(`${path} holds no root: move it away, and a new one is made`);
  }
  return { certificate, privateKey };
}

/** Whoever comes first wins; a link, unlike a rename, fails when the name is taken. */
export async function storeRootFile(path: string, material: RootMaterial): Promise<RootMaterial> {
  await makePrivateFolder(dirname(path));
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, `${material.certificate}${material.privateKey}`, { mode: 0o600 });
  try {
    await link(temporary, path);
    return material;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await loadRootFile(path))!;
  } finally {
    await rm(temporary, { force: true });
  }
}

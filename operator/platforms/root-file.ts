import { link, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RootMaterial, StoredRoots } from '../platform.ts';
import { makePrivateFolder, readIfThere, writeAtomically } from './atomic-file.ts';

const BLOCK = (label: string) => new RegExp(`-----BEGIN ${label}-----[\\s\\S]+?-----END ${label}-----\\n?`);
/** Lines that say what follows; readers of PEM skip them. What comes before the first is the root that signs. */
const NEXT = '# next root\n';
const PREVIOUS = '# previous root\n';
const ROTATION = '# rotation ';

/** The roots as one file, certificates and keys, readable by its owner only. Undefined: there is none. */
export async function loadRootFile(path: string): Promise<StoredRoots | undefined> {
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const root = materialIn(text);
  if (root === undefined) throw new Error(`${path} holds no root: move it away, and a new one is made`);
  const next = materialIn(after(text, NEXT));
  const previous = BLOCK('CERTIFICATE').exec(after(text, PREVIOUS))?.[0];
  const rotation = after(text, ROTATION).split('\n', 1)[0];
  return {
    ...root,
    ...(next && { next }),
    ...(previous !== undefined && { previous }),
    ...(rotation && { rotation }),
  };
}

/** Whoever comes first wins; a link, unlike a rename, fails when the name is taken. */
export async function storeRootFile(path: string, roots: StoredRoots): Promise<StoredRoots> {
  await makePrivateFolder(dirname(path));
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, textOf(roots), { mode: 0o600 });
  try {
    await link(temporary, path);
    return roots;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return (await loadRootFile(path))!;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** One operator writes here, so there is nobody to come between. */
export async function replaceRootFile(path: string, roots: StoredRoots): Promise<boolean> {
  await writeAtomically(path, textOf(roots));
  return true;
}

function textOf({ certificate, privateKey, next, previous, rotation }: StoredRoots): string {
  return [
    `${certificate}${privateKey}`,
    next === undefined ? '' : `${NEXT}${next.certificate}${next.privateKey}`,
    previous === undefined ? '' : `${PREVIOUS}${previous}`,
    rotation === undefined ? '' : `${ROTATION}${rotation}\n`,
  ].join('');
}

function materialIn(text: string): RootMaterial | undefined {
  const certificate = BLOCK('CERTIFICATE').exec(text)?.[0];
  const privateKey = BLOCK('PRIVATE KEY').exec(text)?.[0];
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey };
}

/** Empty: the line is not there. */
function after(text: string, line: string): string {
  const at = text.indexOf(line);
  return at === -1 ? '' : text.slice(at + line.length);
}

import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DocumentText } from '../../api/analysis.ts';
import { UsageError } from '../usage-error.ts';

const FILE_MAX_BYTES = 4 * 1024 * 1024;
const FILES_MAX = 1_000;

/** Files, folders of `*.yaml`, or `-` for standard input, as kubectl's -f. Throws UsageError. */
export async function readDocumentTexts(
  paths: readonly string[],
  stdin: NodeJS.ReadableStream,
): Promise<DocumentText[]> {
  const files: DocumentText[] = [];
  for (const path of paths) {
    if (path === '-') files.push({ file: 'stdin', text: await text(stdin) });
    else for (const file of await filesAt(path)) files.push({ file, text: await readFile(file, 'utf8') });
    if (files.length > FILES_MAX) throw new UsageError(`more than ${FILES_MAX} files`, 'merge some');
  }
  return files;
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${path} cannot be read: ${error.code ?? error.message}`,
      'name a file, a folder, or -',
    );
  });
  if (!found.isDirectory()) {
    if (found.size > FILE_MAX_BYTES) throw new UsageError(`${path} is larger than 4 MiB`, 'split the file');
    return [path];
  }
  const names = (await readdir(path)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (names.length === 0) throw new UsageError(`folder ${path} has no YAML file`);
  return names.map((name) => join(path, name));
}

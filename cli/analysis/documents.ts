import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
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
    if (path === '-') files.push({ file: 'stdin', text: await readBounded(stdin, 'stdin') });
    else {
      for (const file of await filesAt(path)) {
        files.push({ file, text: await readBounded(createReadStream(file), file) });
      }
    }
    if (files.length > FILES_MAX) throw new UsageError(`more than ${FILES_MAX} files`, 'merge some');
  }
  return files;
}

/** Pipes and devices do not say how much comes. */
async function readBounded(from: NodeJS.ReadableStream, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of from) {
    bytes += chunk.length;
    if (bytes > FILE_MAX_BYTES) throw new UsageError(`${name} is larger than 4 MiB`, 'split the file');
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function filesAt(path: string): Promise<string[]> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(
      `${path} cannot be read: ${error.code ?? error.message}`,
      'name a file, a folder, or -',
    );
  });
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (names.length === 0) throw new UsageError(`folder ${path} has no YAML file`);
  return names.map((name) => join(path, name));
}

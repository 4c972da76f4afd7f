import { open, readlink, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  CONFIG_MAX_BYTES,
  SECRET_DESTINATIONS,
  SECRET_DESTINATIONS_MAX_BYTES,
  SECRET_KEYS,
} from '../../api/names.ts';

/** The files of the Secret, as text, read from one version of the volume. */
export interface ProxyFiles {
  readonly config: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly trustBundle: string;
  /** absent: there is none, or none that can be read */
  readonly destinations?: string;
}

const PEM_MAX_BYTES = 256 * 1024;
const KEYS = Object.entries(SECRET_KEYS) as [keyof typeof SECRET_KEYS, string][];
/** the kubelet swaps `..data` and removes the old folder, perhaps while we read it */
const ATTEMPTS = 3;

/**
 * Reads all four files, and the fifth if there is one: undefined when there are none yet. Throws when some are missing or too large.
 * The kubelet swaps a whole volume by one symlink, `..data`; it is resolved once, so that the files are of
 * one version. A plain folder works too.
 * Source: https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go
 */
export async function readProxyFiles(directory: string): Promise<ProxyFiles | undefined> {
  for (let attempt = 1; ; attempt++) {
    const folder = await resolveFolder(directory);
    const texts = await Promise.all(KEYS.map(([key, name]) => readCapped(join(folder, name), capOf(key))));
    const missing = KEYS.filter((_, index) => texts[index] === undefined).map(([, name]) => name);
    if (missing.length === 0) {
      const files = Object.fromEntries(KEYS.map(([key], i) => [key, texts[i]]));
      return { ...files, destinations: await destinationsIn(folder) } as never;
    }
    if ((await resolveFolder(directory)) !== folder && attempt < ATTEMPTS) continue;
    if (missing.length === KEYS.length) return undefined;
    throw new Error(`${missing.join(', ')} is missing`);
  }
}

/** Changes whenever the files may have: the target of `..data`, or size and time of each file. */
export async function stampOf(directory: string): Promise<string> {
  const folder = await resolveFolder(directory);
  const stats = await Promise.all(
    KEYS.map(async ([, name]) => {
      const found = await stat(join(folder, name)).catch(() => undefined);
      return found === undefined ? '-' : `${found.ino}/${found.size}/${found.mtimeMs}`;
    }),
  );
  return [folder, ...stats].join(' ');
}

async function resolveFolder(directory: string): Promise<string> {
  try {
    return resolve(directory, await readlink(join(directory, '..data')));
  } catch {
    return directory;
  }
}

function destinationsIn(folder: string): Promise<string | undefined> {
  const path = join(folder, SECRET_DESTINATIONS);
  return readCapped(path, SECRET_DESTINATIONS_MAX_BYTES).catch(() => undefined);
}

function capOf(key: keyof typeof SECRET_KEYS): number {
  return key === 'config' ? CONFIG_MAX_BYTES : PEM_MAX_BYTES;
}

/** undefined: no such file. */
async function readCapped(path: string, maxBytes: number): Promise<string | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    while (length <= maxBytes) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      if (bytesRead === 0) return buffer.toString('utf8', 0, length);
      length += bytesRead;
    }
    throw new Error(`${path} is larger than ${maxBytes} bytes`);
  } finally {
    await file.close();
  }
}

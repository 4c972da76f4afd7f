import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';

/** PEM. The key is never logged. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads tls.crt and tls.key of a mounted Secret, both of one version: `..data` is resolved once. Throws when a
 * file is missing, or the two do not belong together.
 */
export async function readTlsMaterial(directory: string): Promise<TlsMaterial> {
  const version = await realpath(join(directory, '..data')).catch(() => directory);
  const [cert, key] = await Promise.all([
    readFile(join(version, 'tls.crt'), 'utf8'),
    readFile(join(version, 'tls.key'), 'utf8'),
  ]);
  createSecureContext({ cert, key });
  return { cert, key };
}

/**
 * Calls `onChange` with the first usable material and with every other one after it; `onProblem` once for each
 * new reason why there is none. The material in use stays in use. Returns a function that ends it.
 */
export function watchTlsMaterial(
  directory: string,
  intervalMs: number,
  onChange: (material: TlsMaterial) => void,
  onProblem: (reason: string) => void,
): () => void {
  let current = '';
  let problem = '';
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const look = async () => {
    try {
      const material = await readTlsMaterial(directory);
      problem = '';
      if (ended || material.cert + material.key === current) return;
      current = material.cert + material.key;
      onChange(material);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!ended && reason !== problem) onProblem(reason);
      problem = reason;
    }
  };
  const loop = async () => {
    await look();
    if (!ended) timer = setTimeout(() => void loop(), intervalMs);
  };
  void loop();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

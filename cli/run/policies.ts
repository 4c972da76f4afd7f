import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface StatusFile {
  readonly observedGeneration: number;
  readonly conditions: readonly { type: string; status: string; reason: string; message: string }[];
  readonly proxies: { targeted: number; inForce: number; refused: number };
}

/**
 * One line a policy: where it stands, read from the statuses the operator writes beside the proxies' files
 * (`status/<namespace>/<name>.json`).
 */
export async function policyLines(stateFolder: string): Promise<string[]> {
  const folder = join(stateFolder, 'status');
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json')).sort();
  const lines = await Promise.all(files.map((name) => lineOf(folder, name)));
  return lines.filter((line) => line !== undefined);
}

async function lineOf(folder: string, name: string): Promise<string | undefined> {
  try {
    const status = JSON.parse(await readFile(join(folder, name), 'utf8')) as StatusFile;
    return describeStatus(name.replace(/\.json$/, ''), status);
  } catch {
    return undefined; // being written or just removed; the next look sees it
  }
}

/** Pure. */
export function describeStatus(policy: string, status: StatusFile): string {
  const accepted = status.conditions.find((condition) => condition.type === 'Accepted');
  if (accepted?.status === 'False') {
    return `policy ${policy}: NOT accepted (${accepted.reason}): ${accepted.message}`;
  }
  const { inForce, targeted } = status.proxies;
  return `policy ${policy}: generation ${status.observedGeneration} in force on ${inForce} of ${targeted} proxies`;
}

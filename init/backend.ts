import type { Family } from './address.ts';
import type { BackendName } from './options.ts';
import type { Run } from './run.ts';
import { hasOwnChains, hasRules } from './table.ts';

/**
 * iptables speaks to the kernel in one of two ways that do not see each other's rules. Both may be present;
 * rules of one pod belong in one.
 */
export interface Backend {
  readonly name: BackendName;
  /** the nat table as it is, as text */
  readonly saved: string;
}

export class BackendError extends Error {
  override readonly name = 'BackendError';
}

const NAMES: readonly BackendName[] = ['nft', 'legacy'];

export function program(family: Family, backend: BackendName, verb: 'save' | 'restore'): string {
  return `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${backend}-${verb}`;
}

/** Reads the table; undefined: this backend does not work here, for the reason given. */
export async function readTable(
  run: Run,
  family: Family,
  backend: BackendName,
): Promise<{ readonly saved: string } | { readonly reason: string }> {
  // Without `-t` the legacy program prints what exists and does not load the kernel's tables by looking.
  const args = backend === 'nft' ? ['-t', 'nat'] : [];
  const name = program(family, backend, 'save');
  const result = await run(name, args);
  if (result.ok) return { saved: result.stdout };
  return { reason: `${name}: ${result.missing ? 'not installed' : result.complaint}` };
}

/**
 * The backends that work, best first: the wanted one; the one with our own rules; the only one with rules at
 * all; nft, then legacy. Throws BackendError when none works.
 */
export async function findBackends(
  run: Run,
  family: Family,
  wanted: BackendName | undefined,
): Promise<readonly Backend[]> {
  const found: Backend[] = [];
  const reasons: string[] = [];
  for (const name of NAMES) {
    const answer = await readTable(run, family, name);
    if ('saved' in answer) found.push({ name, saved: answer.saved });
    else reasons.push(answer.reason);
  }
  const usable = found.filter((backend) => wanted === undefined || backend.name === wanted);
  if (usable.length === 0) {
    throw new BackendError(
      `no working ${family === 'IPv4' ? 'iptables' : 'ip6tables'}${wanted ? ` (${wanted} is asked for)` : ''}: ${reasons.join('; ')}`,
    );
  }
  return [...usable].sort((a, b) => rank(a) - rank(b));
}

function rank(backend: Backend): number {
  if (hasOwnChains(backend.saved)) return 0;
  return hasRules(backend.saved) ? 1 : 2;
}
